"""What the circuit does with some training samples, each shown alone to the spiking network.

Weights learn while a sample is shown, as in training, and are then put back: every sample meets the
weights of its stop in the training.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit import Circuit, PlasticProjection, as_copy, firing_table
from synfire_bp.engines.base import Segment
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.model.model import Model, Weights

__all__ = ["CONSIDERED", "bits", "most_characters", "record", "telling"]

CONSIDERED = 100
"""So many of the first training samples are looked at, to choose those that are shown."""

Fired = dict[str, dict[int, NDArray[np.intp]]]
"""Population to phase to the neurons that fired then; silent phases are left out."""


def bits(on: NDArray[Any]) -> str:
    """Return truth values as text: base64 of the bits, first value in the highest bit.

    Examples
    --------
    >>> bits(np.array([1, 0, 0, 0, 0, 0, 1, 1, 1]))
    'g4A='
    """
    return b64encode(np.packbits(on.astype(bool)).tobytes()).decode()


def most_characters(circuit: Circuit) -> int:
    """Return how long the record of a sample can get in a page, about."""
    sizes = circuit.population_sizes
    one = {name: 4 * (size // 24 + 1) + 10 for name, size in sizes.items()}
    fires = firing_table(circuit)
    firing = sum(one[name] * len(phases) for name, phases in fires.items())
    carried = sum(4 * sizes[name] * len(fires[name]) for name in circuit.grades)
    return (
        firing + carried + 12 * len(sizes) + 8 * circuit.sizes[-1] + 40 * len(circuit.plastic) * 4
    )


def record(engine: CircuitEngine, model: Model, weights: Weights, sample: int, before: int) -> Any:
    """Show one training sample, and return what the circuit did.

    Parameters
    ----------
    engine : CircuitEngine
        Of the model, for training.
    model : Model
        The model.
    weights : tuple of int16 arrays
        Where the training stands.
    sample : int
        Which training sample.
    before : int
        Samples that the training has shown before.

    Returns
    -------
    dict
        `spikes`: population to phase to `bits`; `carried`: population to phase to the numbers that
        these spikes carry, in the order of the neurons, where one is not 1; `potentials`: summed
        input of each output neuron;
        `learning`: phase, number of the plastic projection, pairs of neurons that fire together,
        and how many of their synapses end larger and smaller; `changed`: number of the plastic
        projection, and how many of all of its synapses end larger and smaller.
    """
    segment = engine.train(weights, np.array([sample]), shown_before=before, record=True)
    circuit = model.circuit
    fired = by_phase(circuit, segment.recorded)
    return {
        "spikes": {
            name: {
                phase: bits(np.isin(np.arange(circuit.population_sizes[name]), neurons))
                for phase, neurons in phases.items()
            }
            for name, phases in fired.items()
        },
        "carried": _carried(circuit, segment),
        "potentials": [] if segment.potentials is None else segment.potentials[0].tolist(),
        **_learning(circuit, segment, weights, fired),
    }


def by_phase(
    circuit: Circuit, recorded: Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> Fired:
    """Return who fired in which phase of the first sample of a record."""
    return {
        name: phases
        for name, (neurons, step) in recorded.items()
        if (
            phases := {
                phase: np.unique(neurons[step == phase])
                for phase in np.unique(step).tolist()
                if 0 <= phase < circuit.n_phases
            }
        )
    }


def _carried(circuit: Circuit, segment: Segment) -> dict[str, dict[int, list[int]]]:
    """Return what graded spikes carry, by population and phase; all 1 are left out."""
    found: dict[str, dict[int, list[int]]] = {}
    for name, numbers in segment.carried.items():
        neurons, step = segment.recorded[name]
        for phase in np.unique(step[(step >= 0) & (step < circuit.n_phases)]).tolist():
            now = np.flatnonzero(step == phase)
            carried = numbers[now[np.argsort(neurons[now])]]
            if (carried != 1).any():
                found.setdefault(name, {})[phase] = carried.tolist()
    return found


def _learning(
    circuit: Circuit, segment: Segment, weights: Weights, fired: Fired
) -> dict[str, list[list[int]]]:
    learning, changed = [], []
    for k, row in enumerate(circuit.plastic):
        change = _change(row, segment, weights)
        if change.any():
            changed.append([k, *_signs(change)])
        pre, post = fired.get(row.pre, {}), fired.get(row.post, {})
        for phase in sorted(set(pre) & set(post)):
            met = change[np.ix_(pre[phase], post[phase])]
            learning.append([phase, k, met.size, *_signs(met)])
    return {"learning": learning, "changed": changed}


def _change(row: PlasticProjection, segment: Segment, weights: Weights) -> NDArray[np.int64]:
    """Return how much the synapses of a projection changed, (its pre, its post)."""
    change = segment.copies[row].astype(np.int64) - weights[row.layer]
    return as_copy(row, {row.layer: change})


def _signs(change: NDArray[np.int64]) -> tuple[int, int]:
    """Return how many grew and how many shrank."""
    return int(np.count_nonzero(change > 0)), int(np.count_nonzero(change < 0))


def telling(
    engine: CircuitEngine,
    model: Model,
    weights: Weights,
    labels: NDArray[np.int64],
    wanted: int,
    before: int,
) -> list[int]:
    """Choose samples that tell something: errors and right answers in turn, of different classes.

    Parameters
    ----------
    engine, model, weights, before
        As of `record`; the weights of the end of the training.
    labels : int64 array
        Of the training samples.
    wanted : int
        How many samples.

    Returns
    -------
    list of int
        In ascending order; of the first `CONSIDERED` training samples, shown one after the other.
    """
    shown = np.arange(min(CONSIDERED, len(labels)))
    segment = engine.train(weights, shown, shown_before=before, record=True)
    circuit = model.circuit
    neurons, step = segment.recorded.get("o", (np.empty(0, int), np.empty(0, int)))
    answered = step % circuit.n_phases == circuit.forward_phase("o")
    said = np.zeros((len(shown), model.n_out), dtype=bool)
    said[step[answered] // circuit.n_phases, neurons[answered]] = True
    right = (said == (labels[shown, None] == np.arange(model.n_out))).all(axis=1)
    wrong_and_right = (_of_each_class(np.flatnonzero(right == kind), labels) for kind in (0, 1))
    return sorted(_in_turn(*wrong_and_right)[:wanted])


def _of_each_class(samples: NDArray[np.intp], labels: NDArray[np.int64]) -> list[int]:
    """Return samples, the first ones of each class before the second ones."""
    seen: dict[int, int] = {}
    turn = []
    for sample in samples.tolist():
        label = int(labels[sample])
        seen[label] = seen.get(label, 0) + 1
        turn.append((seen[label], sample))
    return [sample for _, sample in sorted(turn)]


def _in_turn(one: list[int], other: list[int]) -> list[int]:
    """Return both lists as one, an entry of each in turn as long as both have some."""
    n = min(len(one), len(other))
    pairs: Iterator[int] = chain.from_iterable(zip(one, other, strict=False))
    return [*pairs, *one[n:], *other[n:]]
