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
from typing import TYPE_CHECKING, Any

from synfire_bp import dice, errors, moved, oracle, registry
from synfire_bp.circuit import rows
from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.paper import backprop_circuit, inference_circuit
from synfire_bp.circuit.reference import firing_table
from synfire_bp.circuit.rule import Rule, Trace, parse_rule
from synfire_bp.circuit.rule import register_rule as rule
from synfire_bp.circuit.weights import initial_weights
from synfire_bp.data.datasets import Dataset, Split, load_dataset
from synfire_bp.data.images import Images, Preprocessing
from synfire_bp.data.own import dataset
from synfire_bp.data.scores import Score
from synfire_bp.data.source import DatasetStatus, FileCheck, Source
from synfire_bp.engines.base import Engine, Segment, Stray, training_split
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.engines.oracle import OracleEngine
from synfire_bp.engines.registry import engine
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.library import list_models
from synfire_bp.model.model import Model, assemble
from synfire_bp.model.networks import build_network
from synfire_bp.model.plugins import load_known, load_plugin
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm, Changes, Decay
from synfire_bp.registry import Plugin, plugins
from synfire_bp.runs.figure import figure
from synfire_bp.runs.mending import RunFile, check_run
from synfire_bp.runs.run import PopulationSpikes, Run
from synfire_bp.training.schedule import epoch_order
from synfire_bp.training.testing import test
from synfire_bp.training.training import train
from synfire_bp.training.verification import Comparison, Verification, verify
from synfire_bp.variants.base import Guarantees, Variant, variant

if TYPE_CHECKING:
    from synfire_bp.dense.synapses import DenseSynapses
    from synfire_bp.network.objects import CircuitNetwork
    from synfire_bp.physical.objects import PhysicalNetwork

__version__ = "0.2.0"

moved.install()
registry.when_first_asked(load_known)  # plug-ins: not before somebody needs them

__all__ = [
    "Algorithm",
    "Changes",
    "Circuit",
    "CircuitEngine",
    "CircuitNetwork",
    "Comparison",
    "Dataset",
    "DatasetStatus",
    "Decay",
    "DenseSynapses",
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
    "PhysicalNetwork",
    "PlasticLayout",
    "Plugin",
    "PopulationSpikes",
    "Preprocessing",
    "Rule",
    "Run",
    "RunFile",
    "Score",
    "Segment",
    "Source",
    "Split",
    "Stray",
    "Trace",
    "Variant",
    "Verification",
    "__version__",
    "assemble",
    "backprop_circuit",
    "build_network",
    "check_run",
    "dataset",
    "dice",
    "engine",
    "epoch_order",
    "errors",
    "figure",
    "firing_table",
    "inference_circuit",
    "initial_weights",
    "list_models",
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


_WITH_BRIAN2 = {
    "CircuitNetwork": "network.objects",
    "DenseSynapses": "dense.synapses",
    "PhysicalNetwork": "physical.objects",
}
"""Names whose modules import Brian2, which takes seconds: not before they are asked for."""

_PACKAGES = (
    "bench",
    "circuit",
    "data",
    "dense",
    "engines",
    "loihi",
    "model",
    "network",
    "physical",
    "program",
    "runs",
    "sweep",
    "training",
    "variants",
)
"""Packages that are imported when they are asked for, as `synfire_bp.sweep`."""


def __dir__() -> list[str]:
    """Return what is public: these names, and the packages below."""
    return sorted({*__all__, *_PACKAGES, "__doc__", "__file__", "__name__", "__path__"})


def __getattr__(name: str) -> Any:
    """Hand out what is imported late, and modules that have moved, as attributes, too."""
    if name in _WITH_BRIAN2:
        return getattr(import_module(f"{__name__}.{_WITH_BRIAN2[name]}"), name)
    if name in _PACKAGES or name in moved.MOVED:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
