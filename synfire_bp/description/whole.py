"""From a model to its description."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synfire_bp.description.chip import chip_part
from synfire_bp.description.circuit import circuit_part
from synfire_bp.description.keys import keys_part
from synfire_bp.description.learning import learning_part
from synfire_bp.description.structure import Description
from synfire_bp.description.task import network_part, task_part
from synfire_bp.description.trainable import trainable_part
from synfire_bp.description.variants import variant_parts
from synfire_bp.errors import SynfireError
from synfire_bp.loihi.authors import PLACEMENTS
from synfire_bp.loihi.spec import SPECS
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model, assemble

if TYPE_CHECKING:
    from synfire_bp.runs.run import Run

__all__ = ["describe"]


def describe(
    model: Model | Experiment | str | Path,
    *,
    hardware: str | None = None,
    run: Run | None = None,
    placement: str = "own",
) -> Description:
    """Tell everything about a model in words and numbers; nothing is run.

    Parameters
    ----------
    model : Model, Experiment, str or Path
        Or the name of a shipped model, or a model file.
    hardware : {"loihi1"}, optional
        Also what it takes of this chip, core by core; a model of the chip tells that in any case.
    run : Run, optional
        A run of the model: with `hardware`, energy and time follow from its spikes.
    placement : {"own", "authors"}
        On as few cores as hold it, or as the authors' code places it.

    Returns
    -------
    Description
        A notebook shows it as HTML; ``print(description)`` shows text, ``description.html()`` is a
        whole page and ``description.json()`` is for machines.

    Raises
    ------
    SynfireError
        If the model contradicts itself or does not fit a chip that was asked for.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> said = sb.describe("variants/digits_late_reward")
    >>> said.row("reward signal")
    ('r1 is 1 in phases 7, 9, otherwise 0',)
    >>> said.row("r1 is late by")
    ('2 phases: it is 1 in phases 7, 9 instead of phases 5, 7',)
    """
    for what, given, known in (("hardware", hardware, SPECS), ("placement", placement, PLACEMENTS)):
        if given is not None and given not in known:
            raise SynfireError(
                f"describe: {what} is {given!r:.60}; must be one of {', '.join(known)}"
            )
    if isinstance(model, str | Path):
        model = Experiment.from_file(model)
    whole = assemble(model)
    # brian2, which takes a second to import, only where its equations are shown
    from synfire_bp.description.equations import equations_part

    parts = (
        task_part(whole),
        network_part(whole),
        learning_part(whole),
        *variant_parts(whole),
        trainable_part(whole),
        circuit_part(whole),
        chip_part(whole, hardware, run, placement),
        equations_part(whole),
        keys_part(whole.experiment),
    )
    experiment = whole.experiment
    return Description(experiment.name, experiment.description, parts)
