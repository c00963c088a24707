"""Tables and matrices of a training as one xarray Dataset, with named dimensions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.exchange.needed import needed

if TYPE_CHECKING:
    import pandas as pd
    import xarray

__all__ = ["xarray_dataset"]


def xarray_dataset(
    circuit: Circuit,
    spike_counts: pd.DataFrame,
    metrics: pd.DataFrame,
    weights: Mapping[str, NDArray[np.int16]],
    about: Mapping[str, Any] | None = None,
) -> xarray.Dataset:
    """Return what a training measured as one dataset.

    Parameters
    ----------
    circuit : Circuit
        Whose populations, phases and layers these are.
    spike_counts, metrics : data frames
        One row per epoch, population and phase (`spikes`); one per epoch and split.
    weights : mapping
        Matrices by name, and as they were at the start: w1, w1_init, …
    about : mapping, optional
        Attributes of the dataset: strings and numbers.

    Returns
    -------
    xarray.Dataset
        `spikes` (epoch, population, phase; populations in the circuit's order), every column of
        metrics (epoch, split), and the matrices (such as input, hidden).

    Raises
    ------
    SynfireError
        If xarray is not installed.
    """
    xr = needed("xarray", "run.to_xarray()")
    variables: dict[str, Any] = {}
    if len(spike_counts):
        counts = spike_counts.set_index(["epoch", "population", "phase"])["spikes"].to_xarray()
        known = [name for name in circuit.population_sizes if name in counts.population]
        variables["spikes"] = counts.sel(population=known)
    if len(metrics):
        variables |= metrics.set_index(["epoch", "split"]).to_xarray().data_vars
    layers = dict(zip(circuit.matrix_names, _layers(circuit), strict=True))
    for name, matrix in weights.items():
        variables[name] = (layers[name.removesuffix("_init")], matrix)
    return xr.Dataset(variables, attrs=dict(about or {}))


def _layers(circuit: Circuit) -> list[tuple[str, str]]:
    """Return the layers that each matrix joins: from, to."""
    further = [(matrix.pre, matrix.post) for matrix in circuit.further]
    return [*itertools.pairwise(circuit.layers), *further]
