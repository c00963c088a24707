"""The phases of a circuit of any depth.

See `synfire_bp.circuit.deep` and, with graded errors, `synfire_bp.circuit.graded`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GradedSchedule", "Schedule", "layer_names"]


@dataclass(frozen=True)
class Schedule:
    """The phases of a circuit with `depth` weight layers."""

    depth: int

    @property
    def n_phases(self) -> int:
        """Phases of a sample."""
        return self.shrinks(1) + 1

    @property
    def error(self) -> int:
        """The phase of the error at the output."""
        return self.depth + 2

    def forward(self, layer: int) -> int:
        """Return the phase in which a layer fires in the forward pass; the input is layer 0."""
        return layer + 1

    def grows(self, layer: int) -> int:
        """Return the phase in which the weights into a layer grow."""
        return self.error + 1 + 5 * (self.depth - layer)

    def shrinks(self, layer: int) -> int:
        """Return the phase in which the weights into a layer shrink."""
        return self.grows(layer) + 2

    def learns(self, layer: int) -> tuple[int, int]:
        """Return both."""
        return self.grows(layer), self.shrinks(layer)


@dataclass(frozen=True)
class GradedSchedule:
    """The same where errors are graded, in a circuit of `depth` weight layers."""

    depth: int

    @property
    def error(self) -> int:
        """The phase of the error at the output."""
        return self.forward(self.depth) + 1

    def forward(self, layer: int) -> int:
        """Return the phase in which a layer after the input fires on the way forward.

        Its memory fires in the next one.
        """
        return 2 * layer

    def learns(self, layer: int) -> int:
        """Return the phase in which the weights into a layer learn."""
        return self.error + 1 + 2 * (self.depth - layer)


def layer_names(depth: int) -> tuple[str, ...]:
    """Return the names of the layers: input, hidden1, hidden2, …, output."""
    return ("input", *(f"hidden{layer}" for layer in range(1, depth)), "output")
