"""Names that were public before there was a resolved `Model`; each warns and names the new way."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.data.datasets import Dataset
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Weights, assemble

__all__ = ["circuit_engine", "circuits", "starting_weights"]


def _warn(old: str, new: str) -> None:
    warnings.warn(f"engines.{old} is old; use {new}", DeprecationWarning, stacklevel=3)


def circuits(experiment: Experiment) -> tuple[Circuit, Circuit]:
    """Return the training and the inference circuit of an experiment."""
    _warn("circuits(experiment)", "assemble(experiment).circuit and .inference.circuit")
    model = assemble(experiment)
    return model.circuit, model.inference.circuit


def starting_weights(experiment: Experiment) -> Weights:
    """Return the weights that a training starts from."""
    _warn("starting_weights(experiment)", "assemble(experiment).start")
    return assemble(experiment).start


def circuit_engine(
    experiment: Experiment, dataset: Dataset, uses: Sequence[str] = ("train", "test")
) -> CircuitEngine:
    """Return the spiking circuit of an experiment."""
    _warn("circuit_engine(experiment, …)", "CircuitEngine(assemble(experiment), …)")
    return CircuitEngine(assemble(experiment), dataset, uses)
