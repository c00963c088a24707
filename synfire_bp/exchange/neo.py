"""A recording as Neo objects, which Elephant analyses and NWB, NIX and others store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rows import Population, Source
from synfire_bp.exchange.needed import needed
from synfire_bp.exchange.recording import Recording

if TYPE_CHECKING:
    import neo

__all__ = ["neo_block"]


def neo_block(
    recording: Recording, populations: Sequence[str] | None = None, *, per_sample: bool = False
) -> neo.Block:
    """Return a recording as a Neo block.

    Parameters
    ----------
    recording : Recording
        Spikes and potentials, with what explains them.
    populations : sequence of str, optional
        Whose spikes are in it; all, if left out: silent cells too, so that a train's place among
        those of its population is its neuron's number.
    per_sample : bool
        False: one segment, whose epoch "samples" tells where each sample begins and which it is.
        True: a segment for each sample, annotated with the same; times run on from one to the next.

    Returns
    -------
    neo.Block
        Its segments hold a SpikeTrain for each cell (times in ms; annotations `population`, `unit`,
        `role`), and, if potentials were recorded, the IrregularlySampledSignal "potential of o":
        one value per sample and output neuron, in units of the weights.  Its groups hold the trains
        of each population.

    Raises
    ------
    SynfireError
        If neo is not installed, a population is unknown, or spikes do not fit the circuit.
    """
    neo = needed("neo", "to_neo()")
    chosen, circuit = recording.chosen(populations), recording.circuit
    block = neo.Block(name=recording.name, **dict(recording.about))
    block.annotate(
        n_phases=circuit.n_phases, sample_period_ms=recording.period,
        sizes=", ".join(map(str, circuit.sizes)),
    )  # fmt: skip
    groups = {name: neo.Group(name=name, population=name) for name in chosen}
    block.groups.extend(groups.values())
    times = {name: recording.trains(name) for name in chosen}
    for number, (start, stop, about) in enumerate(_parts(recording, per_sample)):
        segment = neo.Segment(name=about.pop("name"), index=number, **about)
        for name in chosen:
            trains = [
                _train(neo, recording, name, unit, at[(at >= start) & (at < stop)], start, stop)
                for unit, at in enumerate(times[name])
            ]
            segment.spiketrains.extend(trains)
            groups[name].spiketrains.extend(trains)
        if (signal := _signal(neo, recording, start, stop)) is not None:
            segment.irregularlysampledsignals.append(signal)
        # NWB finds an epoch's segment by the name of the epoch
        name = segment.name if per_sample else "samples"
        segment.epochs.append(_epoch(neo, recording, name, start, stop))
        block.segments.append(segment)
    block.check_relationships()
    return block


def _parts(recording: Recording, per_sample: bool) -> Iterator[tuple[float, float, dict[str, Any]]]:
    """Yield begin, end and annotations of each segment."""
    if not per_sample:
        yield 0.0, recording.stop, {"name": recording.name}
        return
    for number, start in enumerate(recording.starts):
        known = {name: _plain(values[number]) for name, values in recording.samples.items()}
        stop = min(start + recording.period, recording.stop)
        yield float(start), float(stop), {"name": f"sample {number}", **known}


def _train(
    neo: Any, recording: Recording, population: str, unit: int, times: NDArray, start: float,
    stop: float,
) -> neo.SpikeTrain:  # fmt: skip
    return neo.SpikeTrain(
        times, units="ms", t_start=start, t_stop=stop, name=f"{population}[{unit}]",
        sampling_rate=1 / (recording.resolution * _ms()),
        population=population, unit=unit, role=_role(recording.circuit, population),
    )  # fmt: skip


def _signal(
    neo: Any, recording: Recording, start: float, stop: float
) -> neo.IrregularlySampledSignal | None:
    """Return the potentials that were read in a part of the recording."""
    if recording.potentials is None:
        return None
    at = recording.read_at + recording.period * np.arange(len(recording.potentials))
    inside = np.flatnonzero((at >= start) & (at < stop))
    if not inside.size:
        return None
    # no AnalogSignal: its last value would last for a whole sample, beyond the end of the segment
    return neo.IrregularlySampledSignal(
        at[inside] * _ms(), recording.potentials[inside], units="dimensionless", dtype=np.int64,
        name="potential of o", population="o",
        description="summed input of each output neuron in its forward phase, in units of the "
        "weights",
    )  # fmt: skip


def _epoch(neo: Any, recording: Recording, name: str, start: float, stop: float) -> neo.Epoch:
    """Return which sample was shown when."""
    at = recording.starts
    inside = np.flatnonzero((at >= start) & (at < stop))
    known = {name: np.asarray(values)[inside] for name, values in recording.samples.items()}
    labels = [
        ", ".join([f"{name} {values[n]}" for name, values in known.items()])
        or f"number {inside[n]}"
        for n in range(len(inside))
    ]
    durations = np.minimum(recording.period, recording.stop - at[inside])
    return neo.Epoch(
        at[inside] * _ms(), durations * _ms(), labels=np.array(labels, dtype="U"), name=name,
        array_annotations={"number": inside, **known},
    )  # fmt: skip


def _ms() -> Any:
    return needed("quantities", "to_neo()").ms  # neo's own units


def _role(circuit: Circuit, population: str) -> str:
    """Return what a population is there for, in the words of the circuit's rows."""
    rows: tuple[Source | Population, ...] = (*circuit.sources, *circuit.populations)
    for row in rows:
        if row.name == population:
            return row.role
    return f"gate of phase {population.removeprefix('g')}"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
