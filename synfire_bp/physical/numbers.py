"""The numbers of a network in physical units, in SI units: everything that is not structure.

No brian2 here.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies, PlasticLayout
from synfire_bp.circuit.numbers import FULL
from synfire_bp.circuit.rule import Rule
from synfire_bp.network.numbers import Moment, Numbers, rule_numbers, weight_bounds
from synfire_bp.physical.mapping import CUT, SYNAPTIC_TIME, Mapping, Timing
from synfire_bp.physical.membrane import Membrane

__all__ = ["PULSES", "fixed_and_pulses", "physical_numbers"]

PULSES = ("open", "half", "cancel", "ring")
"""Fixed weights that are pulses, in addition to those of further thresholds; all others act on the
membrane."""
_DELAYS = 5
"""Key of the random stream of the delays; initial weights and orders have other keys."""


def fixed_and_pulses(circuit: Circuit) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
    """Return the fixed synapses on the membrane, and the pulses, each sorted by pre.

    Columns `pre`, `post`, `row` (of `circuit.projections`) and `delay` (extra phases).
    """
    parts: dict[bool, list[NDArray]] = {False: [], True: []}
    for row, projection in enumerate(circuit.projections):
        pre, post = circuit.pairs(projection)
        pre = circuit.slices[projection.pre].start + pre
        post = circuit.slices[projection.post].start + post
        about = [np.full(post.shape, value) for value in (row, projection.extra_delay)]
        parts[_is_pulse(projection.weight.name)].append(np.stack([pre, post, *about]))
    tables = []
    for pulse in (False, True):
        table = np.concatenate(parts[pulse], axis=1).astype(np.int32)
        table = table[:, np.lexsort((table[1], table[0]))]
        tables.append(dict(zip(("pre", "post", "row", "delay"), table, strict=True)))
    return tables[0], tables[1]


def _is_pulse(weight: str) -> bool:
    """Return whether a fixed weight belongs to a pulse; those of further thresholds have a sign."""
    return weight in PULSES or weight[0] in "+-"


def physical_numbers(
    circuit: Circuit,
    layout: PlasticLayout,
    neuron: Membrane,
    weights: Sequence[NDArray[np.integer]],
    rule: Rule | None = None,
    *,
    copies: Copies | None = None,
    seed: int = 0,
    moment: int = 0,
) -> Numbers:
    """Return every number of a network, in SI units, as "group.variable" to values.

    Parameters
    ----------
    circuit, layout
        The circuit, and where its plastic synapses lie.
    neuron : Membrane
        The neurons.
    weights : sequence of integer arrays
        One matrix (n_pre, n_post) per weight layer.
    rule : Rule, optional
        The learning rule.
    copies : mapping, optional
        The matrix of each plastic projection, where copies of a layer's matrix differ.
    seed : int
        Seed of the delays.
    moment : int
        Seed of the noise; it increases by one per time step.
    """
    of = Mapping.of(neuron)
    bias, noise = np.zeros(circuit.n_cells), np.zeros(circuit.n_cells)
    keeps = np.exp(-2 * neuron.dt / neuron.membrane_time)
    named = {row.name for row in circuit.populations}
    for name, place in circuit.slices.items():
        bias[place] = of.volt * circuit.bias(name)
        if name in named:
            noise[place] = 1e-3 * neuron.membrane_noise * np.sqrt(1 - keeps)
    resistance, rest = neuron.resistance * 1e6, neuron.resting * 1e-3
    on_membrane, pulsing = fixed_and_pulses(circuit)
    values: Numbers = {
        "cells.E_L": rest,
        "cells.theta": rest + (FULL + 1) * of.volt,
        "cells.R": resistance,
        "cells.tau_m": neuron.membrane_time * 1e-3,
        "cells.I_tonic": bias / resistance,
        "cells.closed": rest + bias,
        "cells.v": rest + bias,
        "cells.refractory_time": neuron.refractory * 1e-3,
        "cells.noise": noise,
        "cells.quantum": of.volt,
        "cells.moment": moment,
        "output.unit": of.volt,
        "fixed.weight": _values(circuit, neuron)[on_membrane["row"]],
        "pulses.height": of.volt * _values(circuit, neuron)[pulsing["row"]],
        "plastic.w": layout.pack(weights, copies),
    }
    values |= _synaptic(neuron)
    values |= _delays_and_noise(circuit, layout, neuron, on_membrane, seed)
    if rule is not None and circuit.reward_phases:
        lowest, highest = weight_bounds(circuit, None)
        numbers = rule_numbers(rule, layout, at=Moment(seed=moment))
        if neuron.synaptic_noise:  # synapses are numbered already
            numbers.pop("plastic.number", None)
        values |= numbers | {"plastic.lowest": lowest, "plastic.highest": highest}
    return values


def _synaptic(neuron: Membrane) -> Numbers:
    """Return the numbers of the synapses' time course."""
    values: Numbers = {}
    if neuron.synapse != "delta":
        values["cells.tau_s"] = 1e-3 * (neuron.synaptic_time or SYNAPTIC_TIME)
    if neuron.synapse == "conductance":
        values["cells.E_e"] = 1e-3 * neuron.excitatory_reversal
        values["cells.E_i"] = 1e-3 * neuron.inhibitory_reversal
    return values


def _delays_and_noise(
    circuit: Circuit,
    layout: PlasticLayout,
    neuron: Membrane,
    on_membrane: dict[str, NDArray],
    seed: int,
) -> Numbers:
    """Return size, delay and noise of synaptic inputs."""
    of, timing = Mapping.of(neuron), Timing.of(neuron)
    values: Numbers = {}
    sizes = {
        "delta": {"jump": of.jump},
        "exponential": {"current": of.current},
        "conductance": {"excitation": of.excitation, "inhibition": of.inhibition},
    }[neuron.synapse]
    tables: dict[str, tuple[NDArray, NDArray, NDArray | int]] = {
        "fixed": (on_membrane["pre"], on_membrane["post"], on_membrane["delay"]),
        "plastic": (layout.pre, layout.post, 0),
    }
    number = circuit.n_cells
    for group, (pre, post, extra) in tables.items():
        values |= {f"{group}.{name}": size for name, size in sizes.items()}
        drawn = _spread(circuit, neuron, pre, post, group, seed)
        late = timing.arrival - 1 + extra * timing.phase + drawn
        values[f"{group}.delay"] = np.asarray(late * neuron.dt * 1e-3, dtype=np.float64)
        if neuron.synaptic_noise:
            values[f"{group}.synaptic_noise"] = neuron.synaptic_noise
            values[f"{group}.number"] = number + np.arange(pre.size, dtype=np.int32)
            number += pre.size
    return values


def _values(circuit: Circuit, neuron: Membrane) -> NDArray[np.int32]:
    """Return the weight of every fixed projection for these neurons."""
    own = {"relay": neuron.relay, "inhibition": -neuron.relay}
    own["half"] = circuit.fixed_weights["half"].value - neuron.dead_zone
    return np.array(
        [own.get(row.weight.name, row.weight.value) for row in circuit.projections], dtype=np.int32
    )


def _spread(
    circuit: Circuit,
    neuron: Membrane,
    pre: NDArray[np.int32],
    post: NDArray[np.int32],
    stream: str,
    seed: int,
) -> NDArray[np.int64]:
    """Return the difference of each synapse's delay from the mean, in steps.

    Drawn per pair of populations, so that the inference circuit has the delays of training.
    """
    late = np.zeros(pre.size, dtype=np.int64)
    if not neuron.delay_spread:
        return late
    names = list(circuit.slices)
    ends = [at.stop for at in circuit.slices.values()]
    sources, targets = (np.searchsorted(ends, cells, side="right") for cells in (pre, post))
    pairs, of_pair = np.unique(sources * len(names) + targets, return_inverse=True)
    for n, (source, target) in enumerate(divmod(int(pair), len(names)) for pair in pairs):
        chosen = np.flatnonzero(of_pair == n)
        name = zlib.crc32(f"{stream} {names[source]} {names[target]}".encode())
        key = np.random.SeedSequence(seed, spawn_key=(_DELAYS, name))
        rng = np.random.Generator(np.random.PCG64(key))
        drawn = rng.standard_normal(chosen.size)
        while (outside := np.abs(drawn) > CUT).any():
            drawn[outside] = rng.standard_normal(int(outside.sum()))
        late[chosen] = np.rint(drawn * neuron.delay_spread / neuron.dt)
    return late
