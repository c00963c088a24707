"""Hidden units that do not hear of the errors of some classes."""

import itertools

import numpy as np
from pydantic import Field

import synfire_bp as sb


@sb.variant("deaf")
class Deaf(sb.Variant):
    """Which classes' errors come back to the hidden units."""

    summary = "Classes whose errors do not come back. null: the errors of all classes do."
    to: tuple[int, ...] = Field(
        default=(),
        strict=False,
        description="Numbers of the output units, from 0 on, that send no error back.",
    )

    def fits(self, others):
        """Refuse matrices of their own for feedback."""
        if others.get("feedback") is not None:
            raise ValueError("cannot go with feedback, whose matrices are others; remove one")
        n_out = others["network"].sizes[-1] if "network" in others else None
        if n_out is not None and not all(0 <= unit < n_out for unit in self.to):
            raise ValueError(f"deaf.to names output units from 0 to {n_out - 1}")

    def network(self, network):
        """Return the training network with gates on what comes back."""
        if not network.learns:
            return network
        lines = sb.Lines(
            plastic="heard : integer (constant)  # 1: what it sends arrives",
            sent=("let_through(heard)",),
            functions=("lab_synfire.functions:let_through",),
        )
        return network.adding(lines, self._numbers)

    def _numbers(self, circuit, layout, at):
        back = layout.per_row(lambda row: row.transposed)
        return {"plastic.heard": np.where(back, layout.spread(self._heard(circuit.sizes)), 1)}

    def algorithm(self, algorithm):
        """Return the algorithm with the same gates."""
        return algorithm.returning_through(self._heard(algorithm.sizes))

    def _heard(self, sizes):
        matrices = [np.ones(shape, dtype=np.int32) for shape in itertools.pairwise(sizes)]
        matrices[-1][:, list(self.to)] = 0
        return tuple(matrices)
