"""Arguments and options that several commands share, and the names that a user can choose from."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

import typer

from synfire_bp.model.experiment import Experiment

__all__ = [
    "AsJson",
    "Engine",
    "EngineName",
    "HardwareName",
    "Model",
    "Quiet",
    "Seed",
    "Set",
    "SplitName",
    "number",
    "read_experiment",
]


class EngineName(str, Enum):
    """Engines that a user can choose."""

    circuit = "circuit"
    oracle = "oracle"


class HardwareName(str, Enum):
    """Chips that a circuit can be placed on."""

    loihi1 = "loihi1"


class SplitName(str, Enum):
    """Splits of a data set."""

    test = "test"
    train = "train"


def _whole_number(text: Any) -> int:
    try:
        return int(text)
    except ValueError:
        # typer's own message does not say what was given
        raise typer.BadParameter(f"'{text}' is not a whole number") from None


def number(help: str) -> Any:
    """Return an option that takes a whole number."""
    return typer.Option(parser=_whole_number, metavar="N", help=help)


Model = Annotated[
    str, typer.Argument(help="Model file (YAML), or the name of a shipped model; see `models`.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change an entry of the model file; again for more."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Seed = Annotated[int | None, number("Seed of initial weights and order of samples.")]
Engine = Annotated[
    EngineName, typer.Option(help="The spiking circuit, or the algorithm in integers.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


def read_experiment(
    model: str, changes: Sequence[str] | None, **training: int | None
) -> Experiment:
    """Read a model with the entries that `--set` and options such as `--epochs` change."""
    stated = [f"training.{key}={value}" for key, value in training.items() if value is not None]
    return Experiment.from_file(model, overrides=[*(changes or []), *stated])
