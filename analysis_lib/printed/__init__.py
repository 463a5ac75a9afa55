"""What printed digits alone can tell: an audit of them, and effects that agree with them."""
