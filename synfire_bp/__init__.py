"""synfire_bp: exact backpropagation with spikes.

The synfire-gated circuit of Renner et al. (Nat. Commun. 15, 9691, 2024) in Brian2, and the
algorithm that it computes, in integers.

    import synfire_bp as sb
    experiment = sb.Experiment.from_file("digits")
    run = sb.train(experiment, engine="circuit", out="runs/digits")
    run.metrics
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from synfire_bp import errors, moved, oracle
from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.paper import backprop_circuit, inference_circuit
from synfire_bp.circuit.reference import firing_table
from synfire_bp.circuit.rule import Trace, parse_rule
from synfire_bp.circuit.rule import register_rule as rule
from synfire_bp.circuit.weights import initial_weights
from synfire_bp.data.datasets import Dataset, load_dataset
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model, assemble
from synfire_bp.model.networks import build_network
from synfire_bp.runs.run import Run
from synfire_bp.training.schedule import epoch_order
from synfire_bp.training.testing import test
from synfire_bp.training.training import train
from synfire_bp.training.verification import verify

__version__ = "0.1.0"

moved.install()

__all__ = [
    "Circuit",
    "Dataset",
    "Experiment",
    "Model",
    "Run",
    "Trace",
    "__version__",
    "assemble",
    "backprop_circuit",
    "build_network",
    "epoch_order",
    "errors",
    "firing_table",
    "inference_circuit",
    "initial_weights",
    "load_dataset",
    "oracle",
    "parse_rule",
    "rule",
    "test",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Hand out modules that have moved, as attributes, too."""
    if name in moved.MOVED:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
