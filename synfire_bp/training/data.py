"""The data of a model, checked against its sizes and against what a run was trained on."""

from __future__ import annotations

from pathlib import Path

from synfire_bp.data.datasets import Dataset, available, check_fits, load_dataset
from synfire_bp.errors import (
    DatasetError,
)
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model
from synfire_bp.runs.run import Run

__all__ = ["at_hand", "check_same_data", "dataset_of"]


def at_hand(experiment: Experiment) -> bool:
    """Return whether the data of a model can be loaded without a download."""
    asked = experiment.dataset
    if asked.path is not None:
        return Path(asked.path).is_file()
    return any(
        known.name == asked.name and known.state in ("bundled", "present") for known in available()
    )


def dataset_of(model: Experiment | Model, *, quiet: bool = True) -> Dataset:
    """Load the data of a model and check that its sizes fit.

    Raises
    ------
    DatasetError
        If the data is missing, damaged, or does not fit the model's sizes.
    """
    experiment = model.experiment if isinstance(model, Model) else model
    dataset = load_dataset(
        experiment.dataset.name,
        path=experiment.dataset.path,
        preprocessing=experiment.dataset.preprocessing(),
        quiet=quiet,
    )
    try:
        check_fits(dataset, experiment.network.sizes[0], experiment.network.sizes[-1])
    except DatasetError as error:
        if experiment.dataset.path is None:
            raise
        raise DatasetError(f"{experiment.dataset.path}: {error}") from None
    return dataset


def check_same_data(run: Run, dataset: Dataset) -> None:
    """Refuse data that changed since the training: its accuracies would not be the run's."""
    for name, recorded in run.provenance.get("dataset_checksums", {}).items():
        found = dataset.checksums.get(name, recorded)
        if found != recorded:
            raise DatasetError(
                f"{run.path}: was trained on {name} with {recorded}, but the file there now has "
                f"{found}; put the old one back, or train again"
            )
