"""The numbers of a network whose time step is the chip's: everything that is not structure.

They are given to a network when it runs, so that new numbers never require compiling again.  No
brian2 here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import (
    Copies,
    PlasticLayout,
    apart,
    fixed_synapses,
    weight_numbers,
)
from synfire_bp.circuit.numbers import FULL, WEIGHT_LIMIT
from synfire_bp.circuit.rule import Rule
from synfire_bp.dice import likelihood, moments
from synfire_bp.loihi.formats import UNIT as UNIT_BITS
from synfire_bp.loihi.formats import weight_range, weight_step
from synfire_bp.loihi.spec import LoihiSpec, SignMode
from synfire_bp.network.eligibility import left_of_each

__all__ = [
    "Moment",
    "Numbers",
    "chip_step_numbers",
    "is_coarse",
    "rule_numbers",
    "weight_bounds",
]

Numbers = dict[str, NDArray | float]
""""group.variable" to an array, or to a number that a whole group shares."""

UNIT = 2**UNIT_BITS
"""Unit of weights and thresholds on the chip."""

SMALLEST_CHANGE = 2
"""Learning rules change weights by even numbers."""


@dataclass(frozen=True)
class Moment:
    """Moment of a training at which a run of the network begins; random numbers depend on it.

    Attributes
    ----------
    seed : int
        Seed of random events.  It increases by one per time step from the training's first one, so
        that ``seed + t_in_timesteps`` identifies a time step even after resuming.
    shown : int
        Samples that the training has shown before.
    training_seed : int
        The seed of the training, for what is drawn once, such as delays and random connections.
    epoch : int
        Epoch of the training, from 0, for what follows a schedule.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> sb.Moment(seed=12, shown=1)
    Moment(seed=12, shown=1, training_seed=0, epoch=0)
    """

    seed: int = 0
    shown: int = 0
    training_seed: int = 0
    epoch: int = 0


NOW = Moment()
"""The start of a training."""


def chip_step_numbers(
    circuit: Circuit,
    layout: PlasticLayout,
    weights: Sequence[NDArray[np.integer]],
    rule: Rule | None = None,
    *,
    chip: LoihiSpec | None = None,
    copies: Copies | None = None,
    at: Moment = NOW,
) -> Numbers:
    """Return every number of a network that is not structure, as "group.variable" to values.

    Parameters
    ----------
    circuit, layout
        The circuit, and where its plastic synapses lie.
    weights : sequence of integer arrays
        One matrix (n_pre, n_post) per weight layer.
    rule : Rule, optional
        The learning rule.
    chip : LoihiSpec, optional
        The chip that is emulated, on which everything counts in units of 2^6.
    copies : mapping, optional
        The matrix of each plastic projection, by name, where copies of a layer's matrix differ.
    at : Moment
        Where in a training it is.
    """
    unit = 1 if chip is None else UNIT
    bias = np.zeros(circuit.n_cells, dtype=np.int32)
    kick = np.zeros(circuit.n_cells, dtype=np.int32)
    for name, place in circuit.slices.items():
        bias[place] = unit * circuit.bias(name)
    kick[circuit.slices["g0"]] = unit * circuit.fixed_weights["ring"].value  # the single kick
    opened = circuit.bias("o") + circuit.fixed_weights["open"].value
    copies, tags = apart(copies)
    values: Numbers = {
        "cells.bias": bias,
        "cells.theta": np.full(circuit.n_cells, unit * FULL, dtype=np.int32),
        "cells.arriving": kick,
        "fixed.weight": unit * fixed_synapses(circuit)["weight"],
        "plastic.w": layout.pack(weights, copies),
        "output.lift": unit * opened,
        "output.unit": unit,
    }
    if chip is not None:
        rests = [np.full(n, circuit.refractory(k)) for k, n in circuit.population_sizes.items()]
        values["cells.rests"] = np.concatenate(rests).astype(np.int32)
        # minus the chip's lowest weight, -256, is more than its highest
        values["plastic.w"] = np.clip(values["plastic.w"], *weight_bounds(circuit, chip))
    if rule is not None and circuit.reward_phases:
        if rule.fine is not None:
            values["plastic.tag"] = _packed_tags(layout, tuple(tags.values()))
        values |= _learning_numbers(circuit, layout, rule, chip, at)
    return values


def _packed_tags(layout: PlasticLayout, tags: Sequence[NDArray[np.int16]]) -> NDArray[np.int16]:
    """Return the content of every synapse's tag: 0, if none are given."""
    if not tags:
        return np.zeros(layout.pre.size, dtype=np.int16)
    each = {row.name: tags[row.layer] for row in layout.circuit.plastic}
    return layout.pack((), each)


def _learning_numbers(
    circuit: Circuit,
    layout: PlasticLayout,
    rule: Rule,
    chip: LoihiSpec | None,
    at: Moment,
) -> Numbers:
    step = SMALLEST_CHANGE if chip is None else weight_step(chip, SignMode.MIXED)
    lowest, highest = weight_bounds(circuit, chip)
    values = rule_numbers(rule, layout, step=step, at=at)
    return values | {"plastic.lowest": lowest, "plastic.highest": highest}


def rule_numbers(
    rule: Rule,
    layout: PlasticLayout,
    *,
    step: int = SMALLEST_CHANGE,
    at: Moment = NOW,
) -> Numbers:
    """Return the numbers of a learning rule: its constants, its traces, its random seeds.

    Parameters
    ----------
    rule : Rule
        The rule.
    layout : PlasticLayout
        Where the plastic synapses lie.
    step : int
        Distance between two weights that a synapse can hold.
    at : Moment
        Where in a training it is.
    """
    gains = rule.coefficients(at.epoch)
    values: Numbers = {f"plastic.{name}": value for name, value in gains.items()}
    if step > SMALLEST_CHANGE or rule.rounds:
        values["plastic.number"] = _numbers(rule, layout)
        values["plastic.coarse"] = step
        values["plastic.dice"] = at.seed
    if rule.fine is not None and not rule.remains:
        phases_before = at.shown * layout.circuit.n_phases
        values["plastic.counted"] = phases_before % rule.fine.period
    if rule.eligible is not None:
        values["plastic.eligible_kept"] = rule.eligible.kept(layout.circuit.n_phases)
        values["plastic.eligible_gain"] = rule.eligible.gain
        values["plastic.eligible_turn"] = layout.circuit.n_phases
        if rule.eligible.in_phases:
            left = left_of_each(rule.eligible, layout)
            values |= {f"plastic.{name}": value for name, value in left.items()}
    for name, trace in rule.traces:
        values[f"cells.impulse_{name}"] = trace.impulse
        values[f"cells.kept_{name}"] = likelihood(trace.kept())
        values[f"cells.dice_{name}"] = moments(at.seed, f"trace {name}")
    return values


def _numbers(rule: Rule, layout: PlasticLayout) -> NDArray[np.int32]:
    """Return the number by which each synapse draws: that of its weight if copies stay equal."""
    if rule.fine is None:
        return np.arange(layout.pre.size, dtype=np.int32)
    return layout.spread(weight_numbers(layout.circuit.shapes))


def is_coarse(chip: LoihiSpec) -> bool:
    """Return whether learning weights have larger steps than the rule's smallest change."""
    return weight_step(chip, SignMode.MIXED) > SMALLEST_CHANGE


def weight_bounds(circuit: Circuit, chip: LoihiSpec | None) -> tuple[int, int]:
    """Return the range to which learning weights are clipped."""
    limit = circuit.weight_limit
    if chip is None:
        return -limit, limit
    lowest, highest = weight_range(chip, SignMode.MIXED)
    if limit < WEIGHT_LIMIT:  # a narrower range was asked for
        step = weight_step(chip, SignMode.MIXED)
        lowest, highest = max(lowest, -(limit // step) * step), min(highest, limit // step * step)
    return lowest, highest
