"""Layer sizes of the small experiments; tests that need no other share its programs."""

SMALL = (12, 8, 3)
