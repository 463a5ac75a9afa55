"""A review as a manuscript: what its book shows, as a Word file and as Markdown."""
