"""Entries of the model that a sweep changes, and the reasons why the model refuses values.

Keys are interpreted by the model alone (`Experiment.changed`), so that every key that a model file
may have can be varied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from synfire_bp.errors import ExperimentError
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.yaml_text import Place, nearest
from synfire_bp.sweep.clashes import SEED, set_twice

if TYPE_CHECKING:
    from synfire_bp.sweep.definition import Sweep
    from synfire_bp.sweep.sections import Parameter

__all__ = ["SEED", "override", "unfit"]

_RESERVED = ("run", "point", "status", "error", "attempts", "seed", "engine", "epochs", "samples",
             "seconds", "started", "worker", "versions", "experiment", "fingerprint")  # fmt: skip


def override(key: str, value: Any) -> str:
    """Return an override for `Experiment.changed`."""
    # what JSON has not, the model is told as text, and refuses it
    return f"{key}={json.dumps(value, ensure_ascii=False, default=str)}"


def unfit(sweep: Sweep) -> Iterator[tuple[Place, str]]:
    """Yield what the model refuses: its own entries, and keys of parameters it has not.

    Parameters
    ----------
    sweep : Sweep
        Checked as far as it can be without its model.

    Yields
    ------
    tuple
        Place in the sweep file, and what is wrong there.
    """
    try:
        base = Experiment.from_file(sweep.model)
    except ExperimentError as error:
        yield ("model",), str(error)
        return
    for key, value in sweep.fixed.items():
        for what in _refused(base, {key: value}):
            yield ("fixed", key), what
    for name, parameter in sweep.parameters.items():
        for what in _misplaced(base, name, parameter):
            yield ("parameters", name), what
    yield from set_twice(sweep)


def _misplaced(base: Experiment, name: str, parameter: Parameter) -> Iterator[str]:
    """Yield what is wrong with the keys that a parameter sets."""
    named = parameter.key or name
    if (
        parameter.levels is None
        and "." not in named
        and named not in Experiment.whole().model_fields
    ):
        hint = nearest(named, _known_keys())
        yield f"no key of a model file{hint}; give 'key', 'levels', or the key itself as the name"
        return
    if name in _RESERVED:
        yield "is a column of the results; choose another name and give its 'key'"
    for key in parameter.keys(name):
        yield from _unknown_key(base, key)


def _known_keys() -> dict[str, None]:
    """Return the keys of model files, and what a parameter might have been meant to be."""
    keys: dict[str, None] = {}
    for section, field in Experiment.whole().model_fields.items():
        keys[section] = None
        for part in (field.annotation, *get_args(field.annotation)):
            for inner in getattr(part, "model_fields", {}):
                keys[f"{section}.{inner}"] = None
    return keys


def _refused(base: Experiment, entries: Mapping[str, Any]) -> list[str]:
    """Return why a model refuses entries; empty if it does not."""
    try:
        base.changed([override(key, value) for key, value in entries.items()])
    except ExperimentError as error:
        where = rf"^(override '.*?': )?({'|'.join(map(re.escape, entries))}: )?"
        return [re.sub(where, "", line) for line in str(error).splitlines()]
    return []


def _unknown_key(base: Experiment, key: str) -> list[str]:
    """Return what is wrong with a key itself, whatever its value."""
    return [what for what in _refused(base, {key: None}) if "unknown key" in what
            or "entries to choose from" in what or "and no keys" in what
            or "must be a dotted key" in what]  # fmt: skip
