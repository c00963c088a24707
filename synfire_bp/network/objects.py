"""The Brian2 objects of a circuit, and queries about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import EventMonitor, Network, NeuronGroup, Quantity, Subgroup, get_device, ms, prefs
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.dense.internals import NumpyCodeObject, RuntimeDevice
from synfire_bp.dense.synapses import DenseSynapses
from synfire_bp.errors import CircuitError
from synfire_bp.exchange.neo import neo_block
from synfire_bp.exchange.recording import Recording
from synfire_bp.summary import Summarised, Summary

if TYPE_CHECKING:
    import neo

__all__ = ["STEP", "CircuitNetwork", "runtime_code", "subgroups", "weight_type"]

STEP = 1 * ms
"""Model time of one chip step.  No result depends on it: every delay is a whole number of steps."""


def weight_type() -> type[np.integer]:
    """Return the type of weights in memory; runtime mode has no short ones from Brian2 2.10 on."""
    return np.int32 if isinstance(get_device(), RuntimeDevice) else np.int16


def runtime_code() -> type | None:
    """Return the class that generates the code in runtime mode.

    NumPy, unless Brian2's preference `codegen.target` names a target: Cython, Brian2's own choice,
    takes minutes to compile code that runs for seconds.

    Raises
    ------
    CircuitError
        If the device is not Brian2's runtime device.
    """
    _refuse_other_devices()
    return NumpyCodeObject if prefs.codegen.target == "auto" else None


def _refuse_other_devices() -> None:
    if not isinstance(get_device(), RuntimeDevice):
        raise CircuitError(
            f"this network is for Brian2's runtime mode, and the device is "
            f"{type(get_device()).__name__}: call brian2.set_device('runtime') before, or let "
            "synfire_bp compile the circuit: sb.train(…, engine='circuit')"
        )


def subgroups(circuit: Circuit, cells: NeuronGroup) -> dict[str, Subgroup]:
    """Return the subgroup of each population.

    Their names are the same in every network, so another network can restore a stored state.
    """
    return {
        name: Subgroup(cells, at.start, at.stop, name=f"{cells.name}_population_{number}")
        for number, (name, at) in enumerate(circuit.slices.items())
    }


@dataclass(repr=False)
class CircuitNetwork(Summarised):
    """The Brian2 objects of a circuit.

    ``net[name]`` is the subgroup of a population, sources and gates ("g0", …) included.

    Attributes
    ----------
    cells : NeuronGroup
        All cells; variables `arriving`, `v`, `fired`, `bias`, `theta`, and the shared `phase`,
        `sample`, `r1`.
    fixed, plastic : DenseSynapses
        The fixed projections (`weight`) and the learning ones (`w`).
    census : NeuronGroup
        Number of spikes (`total`) of each population in each phase.
    output : NeuronGroup
        The output neurons as they are read out.
    readout : EventMonitor
        Summed input and spike of each output neuron in its forward phase, sample by sample.
    recorder : EventMonitor
        Spikes of all cells, for the samples from `cells.record_from` up to `cells.record_until`.
    network : Network
        All of them, to be run.
    populations : dict
        Population name to subgroup of `cells`.
    n_samples : int or None
        Number of samples that it was given; None: it gets them when it runs.

    Raises
    ------
    CircuitError
        By `net[name]`, `between`, `run`: for an unknown population, for one to which no learning
        synapses lead, for more samples than there are.

    Notes
    -----
    Times have units: a phase takes ``net.phase_time`` (1 ms here), a sample
    ``net.circuit.n_phases`` of them.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> small = ["network.sizes=[64, 8, 10]"]
    >>> model = sb.assemble(sb.Experiment.from_file("digits", small))
    >>> net = sb.build_network(model, sb.load_dataset("digits"))
    >>> net.run(1)
    >>> net.network.t, net.samples_run
    (13. * msecond, 1)
    >>> int(net["h"].N), net.spike_counts().shape  # populations x phases
    (8, (29, 12))
    >>> net.between("x", "h").shape, net.when(1)  # synapses in net.plastic; the second sample
    ((64, 8), 13. * msecond)
    >>> next(iter(net.weights().values())).shape  # of x→h, (n_pre, n_post)
    (64, 8)
    """

    circuit: Circuit
    layout: PlasticLayout
    network: Network
    cells: NeuronGroup
    fixed: DenseSynapses
    plastic: DenseSynapses
    census: NeuronGroup
    output: NeuronGroup
    readout: EventMonitor
    recorder: EventMonitor
    populations: dict[str, Subgroup]
    n_samples: int | None = None

    def _summary(self) -> Summary:
        circuit, learns = self.circuit._summary(), bool(self.circuit.reward_phases)
        given = "" if self.n_samples is None else f" of {self.n_samples:,}"
        shown = f"{self.samples_run:,}{given} samples shown"
        return Summary(
            f"{type(self).__name__} {'-'.join(map(str, self.circuit.sizes))}",
            (*circuit.said, shown),
            (
                *circuit.facts,
                ("samples", shown),
                ("time", f"{self.network.t}; a phase takes {self.phase_time}"),
                ("recorded", f"{int(self.recorder.num_events):,} spikes in net.recorder"),
                ("look into", f"net['{self.circuit.hidden_units[0]}'], net.cells, "
                 f"net.plastic{' (w)' if learns else ''}, net.weights(), net.network"),
            ),
        )  # fmt: skip

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.populations)

    def __getitem__(self, population: str) -> Subgroup:
        """Return the subgroup of a population."""
        try:
            return self.populations[population]
        except KeyError:
            raise CircuitError(
                f"no population '{population}'; known are {', '.join(self.populations)}"
            ) from None

    @property
    def delays(self) -> dict[str, Any]:
        """Delays that are numbers of a run, not of a compiled program, by the names it sets."""
        return {}

    @property
    def objects(self) -> dict[str, Any]:
        """The objects that have numbers to be set, by name."""
        return {g.name: g for g in (self.cells, self.fixed, self.plastic, self.output)}

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the populations."""
        return iter(self.populations)

    def set(self, group: str, variable: str, value: Any) -> None:
        """Set a number by the names of its group and variable."""
        setattr(self.objects[group], variable, value)

    @property
    def phase_time(self) -> Quantity:
        """Model time of a phase."""
        return STEP

    @property
    def samples_run(self) -> int:
        """Number of samples that were shown completely, from the time of `network`."""
        return max(self._phases_run - 1, 0) // self.circuit.n_phases

    @property
    def _phases_run(self) -> int:
        return round(float(self.network.t / self.phase_time))

    def run(self, samples: int, **kwds: Any) -> None:
        """Show the next `samples` samples (runtime mode).

        The first one begins after one step, in which nothing happens.  A sample that was begun by
        ``net.network.run(duration)`` counts as one, and is completed.

        Parameters
        ----------
        samples : int
            How many.
        **kwds
            Further arguments of `brian2.Network.run`: `report`, `namespace`, ….

        Raises
        ------
        CircuitError
            If fewer samples are left, or the device is not Brian2's runtime device any more.
        """
        _refuse_other_devices()
        whole = isinstance(samples, (int, np.integer)) and not isinstance(samples, bool)
        if not whole or samples < 0:
            raise CircuitError(f"run takes a number of samples, 0 or more, not {samples!r:.40}")
        shown = self.samples_run
        if self.n_samples is not None and shown + samples > self.n_samples:
            raise CircuitError(
                f"{samples} more samples cannot be shown: of the {self.n_samples} given, {shown} "
                "have been; build the network with more inputs, or with an order that shows them "
                "several times (order=np.tile(np.arange(n), 2))"
            )
        end = 1 + (shown + int(samples)) * self.circuit.n_phases
        level = kwds.pop("level", 0) + 1  # names in code are looked up where this was called
        duration = max(end - self._phases_run, 0) * self.phase_time
        self.network.run(duration, level=level, **kwds)

    def between(self, pre: str, post: str) -> NDArray[np.intp]:
        """Return which synapses of `plastic` lead from one population to another.

        Parameters
        ----------
        pre, post : str
            Names of the populations.

        Returns
        -------
        integer array, shape (n_pre, n_post)
            For ``StateMonitor(net.plastic, "w", record=net.between("h", "o")[:, 3])``: the weights
            onto one neuron.

        Raises
        ------
        CircuitError
            If no learning synapses lead from the one to the other.
        """
        return self.layout.between(pre, post)

    def when(self, sample: Any, phase: Any = 0) -> Quantity:
        """Return the time at which a phase of a sample begins.

        Parameters
        ----------
        sample, phase : int or integer array
            Counted from 0, the sample as it is shown; they broadcast against each other.

        Returns
        -------
        Quantity
            In the time of `network`.  A spike of your own that is to count in a phase is sent in
            the phase before; the first sample begins one phase after the start.
        """
        steps = 1 + np.asarray(sample) * self.circuit.n_phases + np.asarray(phase)
        return steps * self.phase_time

    def weights(self) -> dict[PlasticProjection, NDArray[np.int16]]:
        """Return a copy of the present matrix (its pre, its post) of every plastic projection."""
        return self.layout.unpack(self.plastic.w[:])

    def spike_counts(self) -> NDArray[np.int64]:
        """Return spikes so far, shape (populations, phases), rows in the order of iteration."""
        return np.array(self.census.total[:]).reshape(-1, self.circuit.n_phases)

    def recording(self) -> Recording:
        """Return the spikes of `recorder` and the potentials of `readout` so far, in ms.

        Times are those of `network`: phase 0 of the first sample begins after one phase.
        """
        phase = float(self.phase_time / ms)
        i, times = np.array(self.recorder.i[:]), np.array(self.recorder.t[:] / ms)
        spikes = {
            name: (i[inside] - place.start, times[inside])
            for name, place in self.circuit.slices.items()
            for inside in [(i >= place.start) & (i < place.stop)]
        }
        read = np.array(self.readout.t[:] / ms)
        potentials = np.array(self.readout.potential[:], dtype=np.int64)
        return Recording(
            name="network", circuit=self.circuit, spikes=spikes,
            stop=float(self.network.t / ms), resolution=float(self.cells.clock.dt / ms),
            first=phase, period=phase * self.circuit.n_phases,
            potentials=potentials.reshape(-1, self.circuit.sizes[-1]) if read.size else None,
            read_at=float(read[0]) if read.size else 0.0,
        )  # fmt: skip

    def to_neo(
        self, populations: Sequence[str] | None = None, *, per_sample: bool = False
    ) -> neo.Block:
        """Return the spikes and the output's potentials so far as a Neo block.

        Parameters
        ----------
        populations, per_sample
            As for `synfire_bp.exchange.neo.neo_block`, which describes the content of the block.

        Returns
        -------
        neo.Block
            Times are those of `network`: phase 0 of the first sample begins after one phase.

        Raises
        ------
        SynfireError
            If neo is not installed (the extra ``neo``), or a population is unknown.

        Examples
        --------
        >>> import synfire_bp as sb
        >>> model = sb.assemble(sb.Experiment.from_file("digits", ["network.sizes=[64, 8, 10]"]))
        >>> net = sb.build_network(model, sb.load_dataset("digits"))
        >>> net.run(1)
        >>> block = net.to_neo(["g1", "g2"])
        >>> [train.magnitude.tolist() for train in block.segments[0].spiketrains]
        [[1.0], [2.0]]
        """
        return neo_block(self.recording(), populations, per_sample=per_sample)
