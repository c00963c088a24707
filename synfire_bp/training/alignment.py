"""How well what errors come back through is aligned with the forward weights.

An error that comes back through B teaches like one through W2 as far as the angle between the two
is below 90 degrees (Lillicrap et al. 2016, Akrout et al. 2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies, apart

__all__ = ["alignment", "angle", "mean_unit_angle"]


def angle(forward: NDArray, back: NDArray) -> float:
    """Return the angle between two matrices of whole numbers, as vectors, in degrees.

    90 if one of them is zero: it says nothing about the other.
    """
    return float(_angles(np.ravel(forward)[None], np.ravel(back)[None])[0])


def mean_unit_angle(forward: NDArray, back: NDArray) -> float:
    """Return the mean over hidden units of the angle between their rows (n_hid, n_out)."""
    return float(_angles(forward, back).mean())


def _angles(one: NDArray, other: NDArray) -> NDArray[np.float64]:
    a, b = one.astype(np.int64), other.astype(np.int64)
    along = (a * b).sum(axis=1)
    lengths = np.sqrt((a * a).sum(axis=1, dtype=np.float64) * (b * b).sum(axis=1))
    cosine = np.divide(along, lengths, out=np.zeros(len(a)), where=lengths > 0)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def alignment(
    circuit: Circuit, weights: Sequence[NDArray], copies: Copies | None = None
) -> Mapping[str, float]:
    """Return the angles between forward weights and what errors come back through.

    Parameters
    ----------
    circuit : Circuit
        Its transposed rows are the way back.
    weights : sequence of arrays
        One matrix for each of `circuit.shapes`.
    copies : mapping, optional
        The matrix of each plastic projection, where they differ; the way back is then the sum of
        those that lead there, as a hidden neuron sees it.

    Returns
    -------
    mapping
        `angle_b2` and `unit_angle_b2`, in degrees, for the way back through W2's place, and so on
        for each layer that errors come back to.
    """
    found = {}
    n_forward = circuit.n_weight_layers
    for place in sorted({row.layer for row in circuit.plastic if row.transposed}):
        layer: int | None
        layer = place if place < n_forward else circuit.further[place - n_forward].stands_for
        if layer is None:
            continue
        rows = [row for row in circuit.plastic if row.transposed and row.layer == place]
        back = weights[place]
        if (alone := apart(copies)[0]) is not None:
            back = np.sum([alone[row.name].astype(np.int64) for row in rows], axis=0)
        if back.shape != weights[layer].shape:  # from the output directly
            continue
        name = f"b{layer + 1}"
        found[f"angle_{name}"] = round(angle(weights[layer], back), 4)
        found[f"unit_angle_{name}"] = round(mean_unit_angle(weights[layer], back), 4)
    return found
