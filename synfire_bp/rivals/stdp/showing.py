"""Images as spike trains: a pixel that is on fires at random for a while, then there is a pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from synfire_bp.rivals.cost import Operations
from synfire_bp.section import Section

if TYPE_CHECKING:
    from brian2 import NeuronGroup

__all__ = ["Lesson", "Showing", "input_group"]


class Showing(Section):
    """How an image is shown."""

    rate: float = Field(gt=0, le=1000, description="Of a pixel that is on, 1/s; Poisson spikes.")
    image: float = Field(gt=0, le=10_000, description="How long an image is shown, ms.")
    pause: float = Field(ge=0, le=10_000, description="Silence after it, ms.")
    dt: float = Field(default=1.0, gt=0, le=10, description="Time step, ms.")
    trace_time: float = Field(
        default=20.0, gt=0, le=10_000, description="Time constant of the inputs' traces, ms."
    )

    @model_validator(mode="after")
    def _times_are_whole_steps(self) -> Showing:
        for name in ("image", "pause"):
            time = getattr(self, name)
            if abs(time / self.dt - round(time / self.dt)) > 1e-9:
                raise ValueError(
                    f"showing.{name} is {time:g} ms; must be a whole number of steps of "
                    f"showing.dt, {self.dt:g} ms"
                )
        return self

    @property
    def image_steps(self) -> int:
        """Time steps of an image."""
        return round(self.image / self.dt)

    @property
    def steps(self) -> int:
        """Time steps of an image and its pause."""
        return self.image_steps + round(self.pause / self.dt)

    def operations(
        self, shape: tuple[int, int], inputs: float, spikes: float, *, inhibits: int, visited: float
    ) -> Operations:
        """Count what an image costs.

        Parameters
        ----------
        shape : (int, int)
            Inputs and cells, all of them joined by synapses that learn.
        inputs, spikes : float
            Spikes of the inputs and of the cells.
        inhibits : int
            Cells that each spike of a cell inhibits.
        visited : float
            Synapses that spikes make learning visit; once after the image, it visits all.
        """
        n_in, n = shape
        return Operations(
            spikes=inputs + spikes,
            synaptic=inputs * n + spikes * inhibits,
            learning=visited + n_in * n,
            neurons=n * self.steps,
            all_learning=n_in * n * self.steps,
        )

    @property
    def interval(self) -> float:
        """Of an image and its pause, ms."""
        return self.steps * self.dt


@dataclass(frozen=True, eq=False)
class Lesson:
    """Images one after the other.

    Attributes
    ----------
    inputs : array of uint8, shape (n, n_in)
        0 or 1.
    labels : array of int64, shape (n,)
        Classes from 0 on.
    learns : array of bool, shape (n,)
        Whether the network learns from it.
    """

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]
    learns: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)


def input_group(showing: Showing, lesson: Lesson, numbers: dict[str, Any]) -> NeuronGroup:
    """Return the inputs; a spike adds 1 to the trace of its input.

    Parameters
    ----------
    showing : Showing
        Rate and times.
    lesson : Lesson
        What is shown.
    numbers : dict
        Gets what the network's lines name besides: `learns(t)`, `interval_steps`.
    """
    from brian2 import NeuronGroup, TimedArray, ms

    interval = showing.interval * ms
    numbers["learns"] = TimedArray(lesson.learns.astype(float), dt=interval)
    numbers["interval_steps"] = showing.steps
    own = {
        "on": TimedArray(lesson.inputs.astype(float), dt=interval),
        "chance": showing.rate * showing.dt / 1000,
        "interval_steps": showing.steps,
        "image_steps": showing.image_steps,
        "tau_pre": showing.trace_time * ms,
    }
    return NeuronGroup(
        lesson.inputs.shape[1], "drecent/dt = -recent/tau_pre : 1",
        threshold="t_in_timesteps % interval_steps < image_steps and rand() < chance*on(t, i)",
        reset="recent += 1", method="exact", namespace=own, name="inputs",
    )  # fmt: skip
