"""What makes a book: what has changed, the notebooks that run, and what readers take along."""
