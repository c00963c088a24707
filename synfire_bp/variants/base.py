"""What a variant is: a section of a model file that drops one assumption of the circuit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synfire_bp.network.lines import Lines
from synfire_bp.section import Section

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from synfire_bp.circuit.circuit import Circuit
    from synfire_bp.circuit.layout import PlasticLayout
    from synfire_bp.oracle.two_layers import Changes

    Weights = tuple[NDArray[np.int16], ...]

__all__ = ["VariantSection"]


class VariantSection(Section):
    """One assumption of the circuit, dropped: data, and where needed a few Brian2 lines.

    A variant overrides what it changes.  The core knows only these methods, and a model file
    without the section is the paper's circuit.
    """

    def fits(self, beside: Mapping[str, Any]) -> None:
        """Raise ValueError if this variant cannot go with the sections that are read before it."""

    def circuit(self, circuit: Circuit) -> Circuit:
        """Return the training or inference circuit with this variant's rows."""
        return circuit

    def lines(self) -> Lines:
        """Return the Brian2 lines that this variant adds."""
        return Lines()

    def numbers(
        self, circuit: Circuit, layout: PlasticLayout, seed: int
    ) -> dict[str, NDArray[np.integer] | int]:
        """Return the numbers that those lines need, as "group.variable" to values.

        `seed` is that of what happens at random: it moves on by one per time step, from the
        training's first one, so that `seed + t_in_timesteps` names a moment whatever was resumed.
        """
        return {}

    def moment(self, circuit: Circuit, shown_before: int) -> dict[str, int]:
        """Return the numbers that hang on how many samples this training has shown before."""
        return {}

    def starting_weights(self, weights: Weights, circuit: Circuit, seed: int) -> Weights:
        """Return what a training starts from: one matrix for each of `circuit.shapes`.

        `weights` is what the paper's circuit, or the variants before this one, start from.
        """
        return weights

    def algorithm(self) -> dict[str, Any]:
        """Return what the algorithm in integers does otherwise (`synfire_bp.oracle.Deviation`)."""
        return {}

    def inference_lines(self) -> Lines:
        """Return the Brian2 lines that this variant adds to the inference circuit."""
        return Lines()

    def inference_numbers(
        self, circuit: Circuit, layout: PlasticLayout, seed: int
    ) -> dict[str, NDArray[np.integer] | int]:
        """Return the numbers that those lines need; the same `seed` in every test."""
        return {}

    def changes(self, sizes: tuple[int, ...], limit: int, seed: int) -> Changes | None:
        """Return how weights of the algorithm in integers change; None: as in the paper.

        `seed` is as in `numbers`.
        """
        return None

    @property
    def obstacle(self) -> str | None:
        """Why the algorithm in integers cannot follow this variant; None if it can."""
        return None

    @property
    def copies_may_differ(self) -> bool:
        """Whether copies of a weight matrix may drift apart."""
        return False

    @property
    def strays_allowed(self) -> bool:
        """Whether a population may fire in a phase in which the paper's circuit is silent."""
        return False

    @property
    def showings(self) -> int:
        """How often the circuit shows each sample to itself, one time after the other."""
        return 1

    @property
    def reaches_on(self) -> bool:
        """Whether what happens in a sample may reach into the next one.

        A training is then taken up again only where it paused, for a test or at the end of an
        epoch: there the circuit starts from silence in any case.
        """
        return False
