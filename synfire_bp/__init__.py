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

from synfire_bp import moved, registry

if TYPE_CHECKING:
    from synfire_bp import dice, errors, oracle
    from synfire_bp.circuit import rows
    from synfire_bp.circuit.circuit import Circuit
    from synfire_bp.circuit.layout import PlasticLayout
    from synfire_bp.circuit.paper import backprop_circuit, inference_circuit
    from synfire_bp.circuit.reference import firing_table
    from synfire_bp.circuit.rule import Rule, Trace, parse_rule, rule
    from synfire_bp.circuit.weights import initial_weights
    from synfire_bp.data.datasets import Dataset, Split, load_dataset
    from synfire_bp.data.images import Images, Preprocessing
    from synfire_bp.data.own import dataset
    from synfire_bp.data.scores import Score
    from synfire_bp.data.source import DatasetStatus, FileCheck, Source
    from synfire_bp.dense.synapses import DenseSynapses
    from synfire_bp.description.structure import Description
    from synfire_bp.description.whole import describe
    from synfire_bp.engines.base import Engine, Segment, Stray, learning_split, training_split
    from synfire_bp.engines.circuit import CircuitEngine
    from synfire_bp.engines.oracle import OracleEngine
    from synfire_bp.engines.registry import engine
    from synfire_bp.model.experiment import Experiment
    from synfire_bp.model.library import list_models
    from synfire_bp.model.model import Model, assemble
    from synfire_bp.model.networks import build_network
    from synfire_bp.model.plugins import load_plugin
    from synfire_bp.network.lines import Lines
    from synfire_bp.network.numbers import Moment, Numbers
    from synfire_bp.network.objects import CircuitNetwork
    from synfire_bp.network.plan import NetworkPlan
    from synfire_bp.oracle.algorithm import Algorithm, Changes, Decay
    from synfire_bp.physical.objects import PhysicalNetwork
    from synfire_bp.registry import Plugin, plugins
    from synfire_bp.runs.figure import figure
    from synfire_bp.runs.repair import RunFile, check_run
    from synfire_bp.runs.run import PopulationSpikes, Run
    from synfire_bp.training.schedule import epoch_order, shown_order
    from synfire_bp.training.testing import test
    from synfire_bp.training.training import train
    from synfire_bp.training.verification import Comparison, Verification, verify
    from synfire_bp.variants.base import Guarantees, Variant, variant
    from synfire_bp.watch.watching import watch_run

__version__ = "0.2.0"


def _load_plugins() -> None:
    import_module(f"{__name__}.model.plugins").load_known()


moved.install()
registry.when_first_asked(_load_plugins)  # not before somebody needs them

_NAMES = {
    "circuit.circuit": ("Circuit",),
    "circuit.layout": ("PlasticLayout",),
    "circuit.paper": ("backprop_circuit", "inference_circuit"),
    "circuit.reference": ("firing_table",),
    "circuit.rule": ("Rule", "Trace", "parse_rule", "rule"),
    "circuit.weights": ("initial_weights",),
    "data.datasets": ("Dataset", "Split", "load_dataset"),
    "data.images": ("Images", "Preprocessing"),
    "data.own": ("dataset",),
    "data.scores": ("Score",),
    "data.source": ("DatasetStatus", "FileCheck", "Source"),
    "dense.synapses": ("DenseSynapses",),
    "description.whole": ("describe",),
    "description.structure": ("Description",),
    "engines.base": ("Engine", "Segment", "Stray", "learning_split", "training_split"),
    "engines.circuit": ("CircuitEngine",),
    "engines.oracle": ("OracleEngine",),
    "engines.registry": ("engine",),
    "model.experiment": ("Experiment",),
    "model.library": ("list_models",),
    "model.model": ("Model", "assemble"),
    "model.networks": ("build_network",),
    "model.plugins": ("load_plugin",),
    "network.lines": ("Lines",),
    "network.numbers": ("Moment", "Numbers"),
    "network.objects": ("CircuitNetwork",),
    "network.plan": ("NetworkPlan",),
    "oracle.algorithm": ("Algorithm", "Changes", "Decay"),
    "physical.objects": ("PhysicalNetwork",),
    "registry": ("Plugin", "plugins"),
    "runs.figure": ("figure",),
    "runs.repair": ("RunFile", "check_run"),
    "runs.run": ("PopulationSpikes", "Run"),
    "training.schedule": ("epoch_order", "shown_order"),
    "training.testing": ("test",),
    "training.training": ("train",),
    "training.verification": ("Comparison", "Verification", "verify"),
    "variants.base": ("Guarantees", "Variant", "variant"),
    "watch.watching": ("watch_run",),
}
"""Module to the public names that are its own: imported when they are asked for."""

_WHERE = {name: module for module, names in _NAMES.items() for name in names}

_MODULES = {"dice": "dice", "errors": "errors", "oracle": "oracle", "rows": "circuit.rows"}
"""Public names that are modules."""

__all__ = sorted(["__version__", *_WHERE, *_MODULES])

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
    "watch",
)
"""Packages that are imported when they are asked for, as `synfire_bp.sweep`."""


def __dir__() -> list[str]:
    """Return what is public: these names, and the packages below."""
    return sorted({*__all__, *_PACKAGES, "__doc__", "__file__", "__name__", "__path__"})


def __getattr__(name: str) -> Any:
    """Import what is asked for, and modules that have moved."""
    if name in _WHERE:
        found = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    elif name in _MODULES:
        found = import_module(f"{__name__}.{_MODULES[name]}")
    elif name in _PACKAGES or name in moved.MOVED:
        return import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = found
    return found
