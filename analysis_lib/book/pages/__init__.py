"""What single pages show that few reviews have: a reconstruction, simulations, a next trial."""
