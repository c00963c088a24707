"""What a model file of STDP says: cells and learning, with a reward and without."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from synfire_bp.rivals.base import PositiveInt
from synfire_bp.section import Section

__all__ = ["CompetingCells", "CompetingLearning", "TryingCells", "TryingLearning"]

Ms = Annotated[float, Field(gt=0, le=1e9)]
Mv = Annotated[float, Field(ge=-200, le=200)]


class TryingCells(Section):
    """The neurons that answer."""

    per_class: int = Field(default=1, ge=1, le=1000, description="Neurons of each class.")
    membrane_time: Ms = Field(default=20.0, description="Time constant of the membrane, ms.")
    resting: float = Field(default=-70.0, ge=-120, le=0, description="Rest and reset, mV.")
    threshold: float = Field(default=-54.0, ge=-120, le=50, description="Threshold, mV.")
    refractory: float = Field(default=2.0, ge=0, le=1000, description="After a spike, ms.")
    noise: float = Field(
        default=4.0, ge=0, le=100,
        description="Standard deviation of the membrane potential without spikes, mV; while it "
        "learns only.",
    )  # fmt: skip
    inhibition: float = Field(
        default=5.0, ge=0, le=1000, description="A spike lowers cells of other classes by it, mV."
    )


class TryingLearning(Section):
    """How synapses change."""

    rate: float = Field(gt=0, le=10, description="Change of a weight per reward and trace, mV.")
    trace_time: Ms = Field(default=20.0, description="Time constant of the cells' traces, ms.")
    depression: float = Field(
        default=0.3,
        ge=0,
        le=10,
        description="Of a pair post before pre, over pre before post.",
    )
    eligibility_time: Ms = Field(default=100.0, description="Time constant of eligibility, ms.")
    expectation: float = Field(
        default=0.01, gt=0, le=1, description="Share of a reward in the running mean."
    )
    initial: float = Field(default=0.1, ge=0, le=10, description="Mean of initial weights, mV.")
    weight_limit: float = Field(default=1.0, gt=0, le=100, description="Largest magnitude, mV.")


class CompetingCells(Section):
    """The neurons that learn."""

    count: int = Field(default=100, ge=2, le=10_000, description="Neurons.")
    membrane_time: Ms = Field(default=100.0, description="Time constant of the membrane, ms.")
    resting: Mv = Field(default=-65.0, description="Rest and reset, mV.")
    threshold: Mv = Field(default=-52.0, description="Threshold without what spikes add, mV.")
    refractory: float = Field(default=5.0, ge=0, le=1000, description="After a spike, ms.")
    adaptation: float = Field(
        default=0.1, ge=0, le=100, description="A spike adds this to the threshold, mV."
    )
    adaptation_time: Ms = Field(default=1e7, description="Time constant of the threshold, ms.")
    inhibition: float = Field(
        default=15.0, ge=0, le=1000, description="A spike lowers all other cells by it, mV."
    )


class CompetingLearning(Section):
    """How synapses change."""

    rate: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="Of a change at a spike of the cell.",
    )
    offset: float = Field(
        default=0.4, ge=0, le=100, description="Trace of an input below which a weight falls."
    )
    weight_limit: float = Field(default=1.0, gt=0, le=100, description="Largest weight, mV.")
    weight_sum: float = Field(
        default=20.0, gt=0, le=1e6, description="Of the weights onto a cell, after each image; mV."
    )
    labelling: PositiveInt = Field(
        default=5000, description="Training images, the first ones, that labels are taken from."
    )
