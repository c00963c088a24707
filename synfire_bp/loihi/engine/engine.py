"""The learning engine of a projection: its rules, the traces that they read, its learning epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from synfire_bp.circuit.products import TRACES, SumOfProducts, Trace
from synfire_bp.errors import HardwareError, RuleError
from synfire_bp.loihi.engine.rules import parse_sum_of_products
from synfire_bp.loihi.spec import LoihiSpec

__all__ = ["LearningEngine", "Trace"]


@dataclass(frozen=True)
class LearningEngine:
    """The learning engine of the synapses of a projection.

    Attributes
    ----------
    spec : LoihiSpec
        The chip.
    dw, dt, dd : str, optional
        Rules for the weight, the tag and the delay; see `parse_sum_of_products`.
    epoch : int
        Steps of a learning epoch.  The first begins with the first step.
    traces : mapping from "x1", "x2", "y1", "y2", "y3", "r1" to Trace
        The traces that exist; a rule can read no others, except `r1`, which without a `Trace` keeps
        the value to which it is set.

    Raises
    ------
    RuleError
        If a rule cannot be read, or reads a trace that does not exist.
    HardwareError
        If the chip's engine cannot hold a rule or a trace.
    """

    spec: LoihiSpec
    dw: str | None = None
    dt: str | None = None
    dd: str | None = None
    epoch: int = 1
    traces: Mapping[str, Trace] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.epoch, bool) or not isinstance(self.epoch, int) or self.epoch < 1:
            raise HardwareError(
                f"a learning epoch is {self.epoch!r} steps; must be a whole number from 1"
            )
        for name, trace in self.traces.items():
            _check_trace(name, trace, self.spec)
        for target, rule in self.rules.items():
            for name in rule.variables:
                if name in TRACES and name not in self.traces and name != "r1":
                    raise RuleError(
                        f"rule '{rule.text}': {name} is read, but the trace has no impulse and no "
                        f'time constant; give traces={{"{name}": Trace(impulse, tau)}}'
                    )
            if rule.target != target:
                raise RuleError(f"rule '{rule.text}' is given as {target}")

    @cached_property
    def rules(self) -> dict[str, SumOfProducts]:
        """The rules, by the change that they give: "dw", "dt", "dd"."""
        texts = {"dw": self.dw, "dt": self.dt, "dd": self.dd}
        return {
            target: parse_sum_of_products(text, self.spec)
            for target, text in texts.items()
            if text is not None
        }

    @property
    def variables(self) -> frozenset[str]:
        """All variables that the rules read."""
        return frozenset(name for rule in self.rules.values() for name in rule.variables)


def _check_trace(name: str, trace: Trace, spec: LoihiSpec) -> None:
    if name not in TRACES:
        raise HardwareError(f"there is no trace '{name}'; known are {', '.join(TRACES)}")
    if not isinstance(trace, Trace):
        raise HardwareError(f"trace {name} is {trace!r}; must be a Trace(impulse, tau)")
    if (misfit := trace.misfit(2**spec.trace_bits - 1, "steps")) is not None:
        raise HardwareError(f"trace {name}: {misfit}")
