"""Arguments and options that several commands share, and the names that a user can choose from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synfire_bp.errors import PluginError, SynfireError

if TYPE_CHECKING:
    from synfire_bp.model.experiment import Experiment

__all__ = [
    "AsJson",
    "Engine",
    "EngineOrNone",
    "HardwareName",
    "Model",
    "PlacementName",
    "Plugins",
    "Quiet",
    "Seed",
    "Set",
    "SplitName",
    "number",
    "read_experiment",
    "whole_number",
]


class HardwareName(str, Enum):
    """Chips that a circuit can be placed on."""

    loihi1 = "loihi1"


class PlacementName(str, Enum):
    """Ways to place a circuit on a chip."""

    own = "own"
    authors = "authors"


class SplitName(str, Enum):
    """Splits of a data set."""

    test = "test"
    train = "train"


def whole_number(text: Any) -> int:
    """Return what a person wrote as a whole number, or say that it is none."""
    if isinstance(text, int):
        return text
    # int() takes digits of all scripts, and typer's own message does not say what was given
    if not re.fullmatch(r"\s*[-+]?[0-9]{1,18}\s*", text):
        short = text if len(text) <= 40 else f"{text[:40]}…"
        raise typer.BadParameter(f"'{short}' is not a whole number")
    return int(text)


def _known_engine(name: str | None) -> str | None:
    """Return the name of an engine that is registered now."""
    from synfire_bp.engines.registry import ENGINES

    if name is not None:
        try:
            ENGINES.find(name)
        except PluginError:
            raise
        except SynfireError as error:
            raise typer.BadParameter(str(error)) from None
    return name


def _load_plugins(named: list[str] | None) -> list[str] | None:
    from synfire_bp.model.plugins import load_plugin

    for one in named or ():
        load_plugin(one)
    return named


def number(help: str) -> Any:
    """Return an option that takes a whole number."""
    return typer.Option(parser=whole_number, metavar="N", help=help)


Model = Annotated[
    str, typer.Argument(help="Model file (YAML) or name of a shipped model; see `models`.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change an entry of the model file; may be repeated."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no notes.")]
Seed = Annotated[int | None, number("Seed of initial weights and order of samples.")]
Engine = Annotated[
    str,
    typer.Option(
        callback=_known_engine,
        metavar="NAME",
        help="circuit: the spiking circuit; oracle: the integer algorithm; or a plug-in's engine.",
    ),
]
EngineOrNone = Annotated[
    str | None,
    typer.Option(
        callback=_known_engine, metavar="NAME", help="Use this engine instead of the sweep file's."
    ),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="MODULE|FILE",
        is_eager=True,  # before the names that it adds are asked for
        callback=_load_plugins,
        help="Load a plug-in first: a module or a Python file; may be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_experiment(
    model: str, changes: Sequence[str] | None, **training: int | None
) -> Experiment:
    """Read a model with the entries that `--set` and options such as `--epochs` change."""
    from synfire_bp.model.experiment import Experiment

    stated = [f"training.{key}={value}" for key, value in training.items() if value is not None]
    return Experiment.from_file(model, overrides=[*(changes or []), *stated])
