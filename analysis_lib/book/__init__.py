"""From results to pages: sentences, tables, figures, chapters."""
