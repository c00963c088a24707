"""synfire_bp: exact backpropagation with spikes.

The synfire-gated circuit of Renner et al. (Nat. Commun. 15, 9691, 2024) in Brian2, and the
algorithm that it computes, in integers.

    import synfire_bp as sb
    experiment = sb.Experiment.from_file("digits")
    run = sb.train(experiment, engine="circuit", out="runs/digits")
    run.metrics

What a plug-in adds (docs/extending.md) is written with these names, too: `variant`, `dataset`,
`engine`, `figure`, and what they take and return.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from synfire_bp import dice, errors, moved, oracle, registry
from synfire_bp.circuit import rows
from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.paper import backprop_circuit, inference_circuit
from synfire_bp.circuit.reference import firing_table
from synfire_bp.circuit.rule import Trace, parse_rule
from synfire_bp.circuit.rule import register_rule as rule
from synfire_bp.circuit.weights import initial_weights
from synfire_bp.data.datasets import Dataset, Split, load_dataset
from synfire_bp.data.images import Images, Preprocessing
from synfire_bp.data.own import dataset
from synfire_bp.data.scores import Score
from synfire_bp.data.source import DatasetStatus, FileCheck, Source
from synfire_bp.engines.base import Engine, Segment, training_split
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.engines.oracle import OracleEngine
from synfire_bp.engines.registry import engine
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model, assemble
from synfire_bp.model.networks import build_network
from synfire_bp.model.plugins import load_known, load_plugin
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm, Changes, Decay
from synfire_bp.registry import plugins
from synfire_bp.runs.figure import figure
from synfire_bp.runs.run import Run
from synfire_bp.training.schedule import epoch_order
from synfire_bp.training.testing import test
from synfire_bp.training.training import train
from synfire_bp.training.verification import verify
from synfire_bp.variants.base import Guarantees, Variant, variant

__version__ = "0.2.0"

moved.install()
registry.when_first_asked(load_known)  # plug-ins: not before somebody needs them

__all__ = [
    "Algorithm",
    "Changes",
    "Circuit",
    "CircuitEngine",
    "Dataset",
    "DatasetStatus",
    "Decay",
    "Engine",
    "Experiment",
    "FileCheck",
    "Guarantees",
    "Images",
    "Lines",
    "Model",
    "Moment",
    "NetworkPlan",
    "Numbers",
    "OracleEngine",
    "PlasticLayout",
    "Preprocessing",
    "Run",
    "Score",
    "Segment",
    "Source",
    "Split",
    "Trace",
    "Variant",
    "__version__",
    "assemble",
    "backprop_circuit",
    "build_network",
    "dataset",
    "dice",
    "engine",
    "epoch_order",
    "errors",
    "figure",
    "firing_table",
    "inference_circuit",
    "initial_weights",
    "load_dataset",
    "load_plugin",
    "oracle",
    "parse_rule",
    "plugins",
    "rows",
    "rule",
    "test",
    "train",
    "training_split",
    "variant",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Hand out modules that have moved, as attributes, too."""
    if name in moved.MOVED:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
