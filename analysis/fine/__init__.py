"""From the paper's circuit to the fine ones, a switch at a time, and how often they collapse."""
