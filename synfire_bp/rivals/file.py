"""Model files of rivals: found, read and checked as those of the circuit are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from synfire_bp.errors import ExperimentError
from synfire_bp.model.base import read_model
from synfire_bp.model.check import checked, known_keys
from synfire_bp.model.library import find_model, read_text, shipped_rivals
from synfire_bp.model.yaml_text import nearest, shown
from synfire_bp.rivals.base import RIVALS, Rival

__all__ = ["list_rivals", "read_rival"]


def list_rivals() -> tuple[str, ...]:
    """Return the names of the rivals that ship with synfire_bp, in alphabetical order."""
    return tuple(sorted(shipped_rivals()))


def read_rival(path: str | Path, overrides: Sequence[str] = ()) -> Rival:
    """Read the model file of a rival.

    Parameters
    ----------
    path : str or Path
        A YAML file, or the name of one that ships with synfire_bp (`list_rivals`): "drtp".
    overrides : sequence of str
        Such as "seed=3": dotted key, value as in YAML.

    Raises
    ------
    ExperimentError
        If the file is missing or says something that is not allowed; one line per problem.
    """
    shipped = shipped_rivals()
    word = str(path)
    if word in shipped:
        file = shipped[word]
    elif os.path.exists(os.path.expanduser(word)):
        file = find_model(path)
    else:
        raise ExperimentError(
            f"'{word:.80}': no such rival{nearest(word, shipped)}; those that ship with "
            f"synfire_bp are {', '.join(shipped)}; or give a model file"
        )
    values, origin, problems = read_model(
        read_text(file), str(file), known_keys(Rival), {}, file.parent
    )
    kind = values.get("rival")
    if not isinstance(kind, str) or kind not in RIVALS:
        hint = nearest(kind, RIVALS) if isinstance(kind, str) else ""
        raise ExperimentError(
            f"{origin.where(('rival',))}: rival: is {shown(kind)}{hint}; must be one of "
            f"{', '.join(RIVALS)}"
        )
    rival: Rival = checked(RIVALS[kind], values, origin, problems, overrides)
    if rival.rival != kind:
        raise ExperimentError(
            f"rival: is set to {shown(rival.rival)}, but {file} is a model file of {kind}; name a "
            "model file of the rival that you mean"
        )
    return rival
