"""From what a trial reports to an effect and its variance."""
