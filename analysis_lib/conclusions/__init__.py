"""What may be said: certainty, other choices, what holds, what a new trial changes."""
