"""The Brian2 objects of a circuit in physical units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brian2 import Quantity, ms

from synfire_bp.dense.synapses import DenseSynapses
from synfire_bp.network.objects import CircuitNetwork
from synfire_bp.physical.equations import NeuronCode

__all__ = ["PhysicalNetwork"]


@dataclass(repr=False)
class PhysicalNetwork(CircuitNetwork):
    """The Brian2 objects of a circuit in physical units; `net["h"]` is a population.

    Attributes
    ----------
    cells : NeuronGroup
        All cells; variables `v`, `gate`, `I_syn`, `fired` (in this phase) and so on.
    fixed, plastic, pulses : DenseSynapses
        Synapses on the membrane (`weight`, `w`), and the gates' pulses.

    Notes
    -----
    Times have units: a phase takes ``net.phase_time``; `v` is in volt.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> small = ["network.sizes=[64, 8, 10]"]
    >>> model = sb.assemble(sb.Experiment.from_file("variants/digits_lif", small))
    >>> net = sb.build_network(model, sb.load_dataset("digits"))
    >>> net.phase_time, net["h"].v.shape
    (5. * msecond, (8,))
    """

    pulses: DenseSynapses | None = None
    code: NeuronCode | None = None

    def set(self, group: str, variable: str, value: Any) -> None:
        """Set a number in SI units by the names of its group and variable."""
        thing = self.objects[group].deliver if variable == "delay" else self.objects[group]
        thing.variables[variable].set_value(value)

    @property
    def delays(self) -> dict[str, Any]:
        """Delays that are numbers of a run, by the names under which it sets them."""
        return {
            f"{group.name}.delay": group.deliver.variables["delay"]
            for group in (self.fixed, self.plastic)
        }

    @property
    def objects(self) -> dict[str, Any]:
        """The objects that have numbers to be set, by name."""
        groups = [self.cells, self.fixed, self.plastic, self.pulses, self.output]
        return {group.name: group for group in groups if group is not None}

    @property
    def phase_time(self) -> Quantity:
        """Model time of a phase."""
        assert self.code is not None
        return self.code.phase_ms * ms
