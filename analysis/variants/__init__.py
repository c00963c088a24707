"""Figures and tables of the variants."""
