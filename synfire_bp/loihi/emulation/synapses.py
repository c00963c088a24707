"""The chip's synapses as a Brian2 object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from synfire_bp.dense.synapses import DenseSynapses
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.emulation.checks import named, spread, within
from synfire_bp.loihi.emulation.neurons import LoihiInput
from synfire_bp.loihi.emulation.objects import code_class, remember
from synfire_bp.loihi.formats import effective_weight, quantise_weight
from synfire_bp.loihi.spec import LoihiSpec, SignMode

__all__ = ["LoihiSynapses"]


class LoihiSynapses(DenseSynapses):
    """Synapses of one projection, in one format of weights.

    Parameters
    ----------
    source : LoihiNeurons, a subgroup of these, or LoihiInput
        Presynaptic side.
    target : LoihiNeurons or a subgroup
        Postsynaptic side.
    spec : LoihiSpec
        The chip.
    sign_mode : SignMode
        Signs that the weights may have.
    exponent : int
        Exponent of all weights: -8 … 7.
    equations : str
        Further Brian2 equations.
    **kwds
        As of `DenseSynapses`.

    Raises
    ------
    HardwareError
        If the chip does not have the exponent.

    Notes
    -----
    Per synapse: `w`, the mantissa, and `weight`, the effective weight that is delivered: the
    mantissa times 2^exponent, rounded down, times 2^6.
    """

    def __init__(
        self,
        source: Any,
        target: Any,
        *,
        spec: LoihiSpec,
        sign_mode: SignMode = SignMode.MIXED,
        exponent: int = 0,
        equations: str = "",
        **kwds: Any,
    ) -> None:
        within(f"{named(self, kwds)}: exponent", exponent, *spec.weight_exponents)
        super().__init__(
            source,
            target,
            """
            w      : integer  # mantissa
            weight : integer  # effective weight
            """
            + equations,
            on_pre=kwds.pop("on_pre", "arriving_post += weight"),
            clock=kwds.pop("clock", None) or source.clock,
            codeobj_class=kwds.pop("codeobj_class", code_class()),
            **kwds,
        )
        remember(self, spec=spec, sign_mode=sign_mode, exponent=exponent)
        origin = getattr(source, "source", source)
        if isinstance(origin, LoihiInput) and spec.input_arrival == "same_step":
            for pathway in self._pathways:
                pathway.when, pathway.order = "start", -5

    def set_weights(
        self,
        mantissas: ArrayLike,
        *,
        strict: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        """Set the weights, in the order of the synapses, rounded to the projection's format.

        Parameters
        ----------
        mantissas : int or array of int
            Within the limits of the sign mode.  Bits that the format does not have are removed by
            the rounding of the spec.
        strict : bool
            Do not round.
        rng : Generator, optional
            Needed if `spec.rounding` is "stochastic".

        Raises
        ------
        HardwareError
            If a mantissa is beyond the limits or, if `strict`, not representable in the format; if
            their number is not that of the synapses.
        """
        limits = self.spec.weight_limits(self.sign_mode)
        name = f"{self.name}: weight"
        wanted = spread(name, within(name, mantissas, *limits), self._n_synapses())
        unscaled = wanted * 2.0**self.exponent
        held = quantise_weight(unscaled, self.exponent, self.sign_mode, self.spec, rng)
        if strict and (changed := np.flatnonzero(held != wanted)).size:
            first = changed[0]
            raise HardwareError(
                f"{name} {wanted[first]} cannot be represented in the format "
                f"{self.sign_mode.value}; it would become {held[first]}"
            )
        self.w = held
        self.weight = effective_weight(held, self.exponent, bits=self.spec.accumulator_bits)

    def set_delays(self, steps: ArrayLike) -> None:
        """Set the extra delays in steps, in addition to the one step that every spike takes.

        Raises
        ------
        HardwareError
            If a delay is longer than the chip's longest, or their number is not that of the
            synapses.
        """
        name = f"{self.name}: delay"
        extra = within(name, steps, 0, self.spec.longest_delay)
        self.pre.delay = spread(name, extra, self._n_synapses()) * self.source.clock.dt

    def _n_synapses(self) -> int:
        try:
            return len(self)
        except NotImplementedError:  # in standalone mode, synapses are made in the run
            if self._not_dense is not None:
                raise HardwareError(
                    f"{self.name}: the number of weights or delays is not known before a run in "
                    f"standalone mode, because {self._not_dense}; connect with arrays i and j"
                ) from None
            return self._n_connected
