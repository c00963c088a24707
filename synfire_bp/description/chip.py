"""A model's use of the chip, and the changes that the chip would require."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from synfire_bp.circuit.rule import Rule
from synfire_bp.description.structure import Block, Part, facts
from synfire_bp.errors import ExperimentError, HardwareError, to_caller
from synfire_bp.loihi.constrain import constrain
from synfire_bp.loihi.placement import LIMITS, Placement, place
from synfire_bp.loihi.spec import SPECS, LoihiSpec
from synfire_bp.loihi.summary import hardware_report
from synfire_bp.model.model import Model

if TYPE_CHECKING:
    from synfire_bp.runs.run import Run

__all__ = ["chip_part"]

_MOST_TOLD = 6
"""Number of changes that are listed one by one."""


def chip_part(model: Model, hardware: str | None, run: Run | None, placement: str) -> Part:
    """Return a model's use of a chip: in full if this is requested, or if the model runs there."""
    own = model.network.neurons.chip
    name = hardware or next(iter(SPECS))
    chip = SPECS[name] if own is None else own
    blocks: list[Block] = [*facts(_fits(model, chip))]
    if hardware is None and own is None:
        blocks += [*facts(_in_short(model))]
    else:
        blocks += _in_full(model, run, placement)
    return Part(f"On the chip {name}", tuple(blocks))


def _fits(model: Model, chip: LoihiSpec) -> Iterator[tuple[str, str]]:
    """Yield whether the chip has the neurons, the numbers and the learning rule of a model."""
    own = model.network.neurons.chip
    if own is not None:
        yield (
            "runs on it",
            f"emulated, {own.weight_bits} bits per learning weight"
            + (", which end at plus and minus 254" if own.symmetric else ""),
        )
    elif model.network.neurons.steps_per_phase > 1:
        yield (
            "neurons",
            "in physical units, which the chip does not have; the rows below are for the chip's "
            "neurons in the same circuit",
        )
    if payloads := model.circuit.payloads:
        yield (
            "graded spikes carry up to",
            (f"{_payloads(payloads)}. Loihi 2 has them, Loihi 1 does not"),
        )
    yield "circuit", _changes(constrain(model.circuit, chip)[1].to_dict("records"))
    yield "learning rule", _rule(model.rule, chip)


def _rule(rule: Rule, chip: LoihiSpec) -> str:
    if rule.remains:
        return (
            "refused: the chip's engine adds up products and keeps no remainder in a tag "
            "(accumulator of kind programmable)"
        )
    if rule.eligible is not None:
        return "refused: the chip has no eligibility trace of 32 bits"
    epochs = (0,) if rule.fine is None else rule.fine.turns
    reports = (constrain(rule.in_epoch(epoch), chip)[1] for epoch in epochs)
    return _changes([row for report in reports for row in report.to_dict("records")])


def _changes(rows: list[dict]) -> str:
    """Return what `constrain` would change, in words."""
    if not rows:
        return "fits as it is"
    told = [
        f"{row['object']}: {row['parameter']} {row['value']:g} {row['action']} ({row['limit']})"
        for row in rows[:_MOST_TOLD]
    ]
    more = f"; and {len(rows) - _MOST_TOLD} more" if len(rows) > _MOST_TOLD else ""
    return "; ".join(told) + more


def _payloads(payloads: dict[str, int]) -> str:
    """Return what graded spikes carry at the most, and which populations' do."""
    by_size: dict[int, list[str]] = {}
    for name, most in payloads.items():
        by_size.setdefault(most, []).append(name)
    return "; ".join(f"{most} ({', '.join(names)})" for most, names in by_size.items())


def _in_short(model: Model) -> Iterator[tuple[str, str]]:
    """Yield what both circuits take of the chip."""
    for what, circuit in (("training", model.circuit), ("inference", model.inference.circuit)):
        try:
            yield f"{what} takes", _resources(place(circuit))
        except HardwareError as error:
            yield f"{what} takes", f"more than the chip has: {error}"
    yield "core by core", to_caller("add --hardware loihi1", "describe(model, hardware='loihi1')")


def _resources(placed: Placement) -> str:
    cores = placed.resources.cores
    used = ", ".join(f"{_used(placed, limit)} {limit}" for limit in LIMITS)
    return (
        f"{placed.n_cores} of {cores} cores ({100 * placed.n_cores / cores:.1f} %); {used}; "
        f"what decides the number of cores: {placed.binding}"
    )


def _used(placed: Placement, limit: str) -> str:
    used, *_ = map(float, placed.utilisation.loc[limit])
    return f"{used / 8192:,.1f} KB of" if limit == "synaptic memory" else f"{used:,.0f}"


def _in_full(model: Model, run: Run | None, placement: str) -> Iterator[Block]:
    circuit, inference = model.circuit, model.inference.circuit
    if run is not None and run.experiment.network.sizes != circuit.sizes:
        raise ExperimentError(
            f"{run.path}: its network is {'-'.join(map(str, run.experiment.network.sizes))}, the "
            f"model's {'-'.join(map(str, circuit.sizes))}; the run must be one of the model"
        )
    counts, metrics = (None, None) if run is None else (run.spike_counts, run.metrics)
    yield from hardware_report(circuit, inference, counts, metrics, placement)
