"""The chip's learning engine: its rules, and what it does with them."""
