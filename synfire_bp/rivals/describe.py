"""What a rival is, in words and numbers; it is no model of the circuit, and has none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from synfire_bp.description.keys import keys_part
from synfire_bp.description.structure import Description, Part, facts
from synfire_bp.errors import ExperimentError
from synfire_bp.model.base import read_model
from synfire_bp.model.library import find_model, read_text, shipped_models, shipped_rivals
from synfire_bp.rivals.base import Rival
from synfire_bp.rivals.file import read_rival

__all__ = ["describe_rival", "is_rival"]


def is_rival(name: str | Path) -> bool:
    """Return whether a name or a file is that of a rival, and not of a model of the circuit."""
    word = str(name)
    if word in shipped_rivals() or word in shipped_models():
        return word not in shipped_models()
    if not os.path.isfile(os.path.expanduser(word)):
        return False
    file = find_model(name)
    try:
        values, *_ = read_model(read_text(file), word, "", {}, file.parent)
    except ExperimentError:
        return False  # whoever reads it says what is wrong
    return "rival" in values


def describe_rival(name: str | Path, overrides: Sequence[str] = ()) -> Description:
    """Return what a rival is, and what its model file says.

    Parameters
    ----------
    name : str or Path
        A shipped rival, or a model file.
    overrides : sequence of str
        Such as "seed=3".

    Raises
    ------
    ExperimentError
        If the file is missing or not valid.
    """
    rival = read_rival(name, overrides)
    parts = (Part("What it is", facts(_about(rival))), keys_part(rival))
    return Description(rival.name, rival.description, parts)


def _about(rival: Rival) -> list[tuple[str, str]]:
    return [
        ("rival", f"{rival.rival}: {type(rival).summary}"),
        ("not a model", "another way to learn the same images; it has no phases and no gates"),
        ("trained by", "the command `rival`, with a seed; docs/rivals.md compares them"),
        ("seed", str(rival.seed)),
    ]
