"""What a model file of e-prop says: cells, readout, learning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from synfire_bp.rivals.base import PositiveInt
from synfire_bp.section import Section

__all__ = ["Cells", "Learning", "Readout"]

Ms = Annotated[float, Field(gt=0, le=1e6)]
Units = Annotated[int, Field(ge=0, le=10_000)]


class Cells(Section):
    """The recurrent neurons: leaky integrate-and-fire, some of them with adaptive thresholds."""

    regular: Units = Field(description="Neurons whose threshold is fixed.")
    adaptive: Units = Field(default=0, description="Neurons whose threshold rises with each spike.")
    membrane_time: Ms = Field(description="Time constant of the membrane, ms.")
    threshold: float = Field(gt=0, le=1e6, description="Of the membrane potential; mV.")
    refractory: int = Field(default=0, ge=0, le=1000, description="Steps (ms) after a spike.")
    leaky_input: bool = Field(
        default=False,
        description="Whether a spike arrives at the beginning of a step, so that its charge leaks "
        "during it: factor 1 - exp(-dt/tau). false: at its end, factor 1.",
    )
    adaptation_time: Ms = Field(default=2000.0, description="Time constant of the threshold, ms.")
    adaptation: float = Field(
        default=0.0, ge=0, le=1e6, description="What a spike adds to an adaptive threshold, mV."
    )
    surrogate_height: float = Field(
        default=0.3, gt=0, le=1e6, description="Of the triangle that stands for the derivative."
    )
    surrogate_width: float = Field(
        default=1.0, gt=0, le=1e6, description="Scale of the distance to the threshold, 1/mV."
    )

    @model_validator(mode="after")
    def _there_are_cells(self) -> Cells:
        if not self.count:
            raise ValueError("has no neurons: cells.regular and cells.adaptive are both 0")
        return self

    @property
    def count(self) -> int:
        """All of them."""
        return self.regular + self.adaptive


class Readout(Section):
    """The leaky units that read the recurrent ones, and send the error back."""

    membrane_time: Ms = Field(description="Time constant, ms; also of the filtered eligibility.")
    leaky_input: bool = Field(default=True, description="As of the cells.")


class Learning(Section):
    """How gradients become weights."""

    optimizer: Literal["gradient_descent", "adam"] = "gradient_descent"
    rate: float = Field(gt=0, le=1e3, description="Learning rate, eta.")
    batch: PositiveInt = Field(default=1, description="Intervals of an update.")
    beta_1: float = Field(default=0.9, ge=0, lt=1, description="Adam: decay of the mean.")
    beta_2: float = Field(default=0.999, ge=0, lt=1, description="Adam: decay of the variance.")
    epsilon: float = Field(default=1e-8, gt=0, le=1, description="Adam: added to the root.")
    mean_over_window: bool = Field(
        default=False, description="Whether a gradient is the mean over the window, not the sum."
    )
    rate_cost: float = Field(
        default=0.0, ge=0, le=1e9, description="Of the regularisation of firing rates."
    )
    target_rate: float = Field(default=10.0, ge=0, le=1000, description="Wanted firing rate, 1/s.")
    weight_limit: float = Field(default=100.0, gt=0, le=1e9, description="Largest magnitude.")
