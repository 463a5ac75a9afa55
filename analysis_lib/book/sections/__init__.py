"""What the sections of any review show, each filled from its data."""
