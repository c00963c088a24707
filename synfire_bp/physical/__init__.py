"""Neurons in physical units: millivolts, milliseconds, and what a weight is in them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Hand out the section that was here before."""
    if name == "NeuronSection":
        return import_module("synfire_bp.variants.neuron").NeuronSection
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
