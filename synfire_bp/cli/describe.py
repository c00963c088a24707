"""The command `describe`: everything about a model in words and numbers, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synfire_bp.cli.options import (
    AsJson,
    HardwareName,
    Model,
    PlacementName,
    Plugins,
    Set,
    read_experiment,
)
from synfire_bp.files import page_place, write_atomically

if TYPE_CHECKING:
    from synfire_bp.description import Description

__all__ = ["describe"]


def describe(
    model: Model,
    changes: Set = None,
    hardware: Annotated[
        HardwareName | None,
        typer.Option(help="Also show what the model needs of this chip, core by core."),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="Run directory of the model: also show energy and time, from its spikes."
        ),
    ] = None,
    placement: Annotated[
        PlacementName | None,
        typer.Option(
            help="Cores: as few as possible (own) or the paper's 81 (authors). Default: own."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page for a browser.")
    ] = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """Describe a model in words and numbers, without running it."""
    if html is not None and as_json:
        raise typer.BadParameter("--html and --json are both given; choose one of them")
    place = None if html is None else page_place(html, "--html")
    said = _description(model, changes, hardware, run, placement)
    if place is not None:
        write_atomically(place, said.html().encode())
        print(place)
    elif as_json:
        print(said.json())
    else:
        from synfire_bp.description.rendering import print_description

        print_description(said)


def _description(
    model: str,
    changes: list[str] | None,
    hardware: HardwareName | None,
    run: Path | None,
    placement: PlacementName | None,
) -> Description:
    from synfire_bp.description import describe as describe_model
    from synfire_bp.rivals.describe import describe_rival, is_rival
    from synfire_bp.runs.run import Run
    from synfire_bp.training.data import at_hand, dataset_of

    of_a_chip = (("--hardware", hardware), ("--run", run), ("--placement", placement))
    if is_rival(model):
        if given := [option for option, value in of_a_chip if value is not None]:
            raise typer.BadParameter(f"{given[0]} is for models; {model} is a rival")
        return describe_rival(model, changes or ())
    experiment = read_experiment(model, changes)
    if at_hand(experiment):
        dataset_of(experiment)  # refuses sizes that do not fit, as a training does
    on_chip = hardware is not None or getattr(experiment, "hardware", None) is not None
    if not on_chip and (run is not None or placement is not None):
        option = "--placement" if run is None else "--run"
        raise typer.BadParameter(f"{option} needs --hardware {HardwareName.loihi1.value}")
    return describe_model(
        experiment,
        hardware=None if hardware is None else hardware.value,
        run=None if run is None else Run.open(run),
        placement=(placement or PlacementName.own).value,
    )
