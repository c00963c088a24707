"""Complete description of a model in words and numbers: one structure, as text, HTML or JSON.

Nothing is run.  `describe` makes the structure of a model, `describe_rival` that of a rival.
"""

from synfire_bp.description.structure import Block, Description, Part
from synfire_bp.description.whole import describe

__all__ = ["Block", "Description", "Part", "describe"]
