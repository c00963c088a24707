"""Signs of a failed training: units that never fire or cannot learn, weights that do not change.

Each is found at a test, from the activity since the test before, and is reported once in a
training: on the terminal, in the column `warnings` of activity.csv, and in provenance.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.engines.base import Segment
from synfire_bp.model.model import Model, Weights

__all__ = ["Finding", "findings", "said_before"]


@dataclass(frozen=True)
class Finding:
    """One such sign: a short name for tables, and a sentence for messages."""

    name: str
    text: str

    @property
    def kind(self) -> str:
        """Its name without the numbers of units: each kind is reported once."""
        return _kind(self.name)


def _kind(name: str) -> str:
    return re.sub(r"\[.*?\]", "", name)


def findings(
    model: Model,
    tested: Segment,
    spike_counts: Mapping[str, Sequence[int]],
    activity: Mapping[str, int],
    mistakes: int,
    start: Weights,
    now: Weights,
) -> list[Finding]:
    """Return the signs found at a test.

    Parameters
    ----------
    model : Model
        What is trained.
    tested : Segment
        Activity in the test.
    spike_counts : mapping
        Population to spikes per phase since the test before; empty for engines without spikes.
    activity : mapping
        Further counts: `hidden_spikes`, `output_spikes`.
    mistakes : int
        Wrong output spikes since the test before.
    start, now : tuple of arrays
        The weights at the start of the training and now.
    """
    found = list(_silent_populations(model.circuit, spike_counts, activity))
    if not found:  # else it follows from that
        found += _silent_outputs(tested)
        found += _shut_outputs(tested)
        if mistakes:
            found += _unchanged(model, start, now)
    return found


def said_before(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the kinds of what earlier rows of activity.csv have warned of."""
    listed = (str(row.get("warnings") or "").split("; ") for row in rows)
    return {_kind(name) for names in listed for name in names if name}


def _silent_populations(
    circuit: Circuit, counts: Mapping[str, Sequence[int]], activity: Mapping[str, int]
) -> Iterator[Finding]:
    """Yield the first of gating chain, hidden layers and output whose neurons never fire."""
    chain = [source for source in ("g0", "g1") if source in counts]
    if any(not sum(counts[name]) for name in chain):
        yield Finding(
            "gates silent",
            "the gating chain never fires, so no population is ever opened: custom neurons have "
            "to compare v + gate, not v, with the threshold (neuron.threshold)",
        )
        return
    for name in circuit.hidden_units if counts else ():
        if not counts[name][circuit.forward_phase(name)]:
            yield _dead_layer(name, f"population {name} never fires in its phase")
            return
    if not counts and not activity.get("hidden_spikes", 1):
        yield _dead_layer("h", "no hidden unit fires")
        return
    if not activity.get("output_spikes", 1):
        yield Finding(
            "every o silent",
            "no output unit fires on any training sample: the sums that reach them stay below "
            "512; train longer, or raise network.initial_spread or the second size of the network",
        )


def _dead_layer(name: str, what: str) -> Finding:
    return Finding(
        f"{name} silent",
        f"{what}: the sums that reach it stay below 512, so nothing is learnt; raise "
        "network.initial_spread, or let more inputs be on (dataset.threshold, dataset.crop)",
    )


def _silent_outputs(tested: Segment) -> Iterator[Finding]:
    if tested.fired is None:
        return
    never = np.flatnonzero(tested.fired == 0)
    if never.size:
        yield Finding(
            f"o[{_listed(never)}] silent",
            f"output {_units(never)} never fired in the test: by spikes, "
            f"{'its class counts' if never.size == 1 else 'their classes count'} as wrong; "
            "train longer, or use a smaller network.initial_spread or another seed",
        )


def _shut_outputs(tested: Segment) -> Iterator[Finding]:
    if tested.shut is None:
        return
    shut = np.flatnonzero(tested.shut == 1)  # NaN for a class without samples
    if shut.size:
        yield Finding(
            f"o[{_listed(shut)}] shut",
            f"output {_units(shut)} cannot learn from its own class: its sum is 0 or less on all "
            "of its samples, where the box derivative is 0; a smaller network.initial_spread "
            "keeps units from starting or falling there",
        )


def _unchanged(model: Model, start: Weights, now: Weights) -> Iterator[Finding]:
    learning = model.algorithm.learning
    still = [
        name
        for name, learns, old, new in zip(
            model.circuit.matrix_names, learning, start, now, strict=False
        )
        if learns and np.array_equal(old, new)
    ]
    if still:
        names = ", ".join(still)
        yield Finding(
            f"{names} unchanged",
            f"{names} never changed, though outputs were wrong: no error reaches it; look at "
            "learning.rule, at network.weight_limit, and at units that never fire",
        )


def _units(numbers: NDArray[np.integer]) -> str:
    return f"unit{'s' * (numbers.size > 1)} {_listed(numbers)}"


def _listed(numbers: NDArray[np.integer]) -> str:
    more = f" and {numbers.size - 8} more" * (numbers.size > 8)
    return ", ".join(map(str, numbers[:8])) + more
