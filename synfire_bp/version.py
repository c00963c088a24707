"""The version of synfire_bp."""

__version__ = "0.1.0"
