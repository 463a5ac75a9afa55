"""From the effects of many trials to one answer, and how far it can be trusted."""
