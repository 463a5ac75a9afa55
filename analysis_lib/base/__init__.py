"""Words and numbers that every room uses: errors, checks of arrays, measures, formatting."""
