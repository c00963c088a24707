"""What this laboratory adds to synfire_bp; importing it registers all of it."""

from lab_synfire import curve, deaf, memo, rules, stripes

__all__ = ["curve", "deaf", "memo", "rules", "stripes"]
