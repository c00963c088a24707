"""Binary samples and their labels as the oracle takes them, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import SynfireError

__all__ = ["Outputs", "Samples", "checked_order", "checked_samples"]


@dataclass(frozen=True)
class Outputs:
    """What the network answers: `spikes` bool and `potentials` (a_L) int64, both (n, n_out)."""

    spikes: NDArray[np.bool_]
    potentials: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Samples:
    """Binary patterns and labels, checked and made ready to be shown many times.

    Attributes
    ----------
    active : uint16 or uint32 array
        Indices of the inputs that are 1, one sample after the other.
    starts : int64 array, shape (n + 1,)
        Where in `active` each sample begins, and where the last one ends.
    labels : int64 array, shape (n,)
        0 … n_out-1.
    n_in, n_out : int
        Inputs of a pattern, and classes.
    """

    active: NDArray[np.unsignedinteger]
    starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    n_in: int
    n_out: int

    @classmethod
    def of(cls, inputs: NDArray[np.integer], labels: NDArray[np.integer], n_out: int) -> Samples:
        """Prepare patterns of shape (n, n_in) and labels of shape (n,).

        Raises
        ------
        SynfireError
            If shapes or types do not fit, inputs are not binary, or a label is out of range.
        """
        return cls.listed(*checked_samples(inputs, labels, n_out), n_out)

    @classmethod
    def listed(cls, inputs: NDArray[np.uint8], labels: NDArray[np.int64], n_out: int) -> Samples:
        """Prepare what `checked_samples` returned."""
        from synfire_bp.oracle import kernels  # numba: a quarter of a second

        n, n_in = inputs.shape
        starts = np.zeros(n + 1, dtype=np.int64)
        kind: type[np.unsignedinteger] = np.uint16 if n_in < 2**16 else np.uint32
        active = np.empty(np.count_nonzero(inputs) + 1, dtype=kind)  # the kernel wants one more
        kernels.list_active(inputs, active, starts)
        return cls(active, starts, labels, n_in, n_out)

    def __len__(self) -> int:
        return len(self.labels)


def checked_samples(
    inputs: Any, labels: Any, n_out: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return patterns and labels in the types of `Samples`, or say what is wrong with them."""
    inputs, labels = _integers("inputs", inputs), _integers("labels", labels)
    if inputs.ndim != 2:
        raise SynfireError(f"inputs have shape {inputs.shape}; expected (n, n_in)")
    if labels.shape != inputs.shape[:1]:
        raise SynfireError(f"labels have shape {labels.shape}; expected {inputs.shape[:1]}")
    _check_range("label", labels, n_out)
    if inputs.size and (inputs.min() < 0 or inputs.max() > 1):
        raise SynfireError("inputs must be 0 or 1")
    return np.ascontiguousarray(inputs, dtype=np.uint8), np.array(labels, dtype=np.int64)


def checked_order(order: Any, n: int) -> NDArray[np.int64]:
    """Return an order of samples, of which there are `n`, or say what is wrong with it."""
    order = _integers("order", order)
    if order.ndim != 1:
        raise SynfireError(f"order has shape {order.shape}; expected one dimension")
    _check_range("order entry", order, n)
    return np.array(order, dtype=np.int64)


def _integers(name: str, values: Any) -> NDArray:
    values = np.asarray(values)
    if values.size and values.dtype.kind not in "bui":
        raise SynfireError(f"{name} must be integers, not {values.dtype}")
    return values


def _check_range(name: str, values: NDArray, end: int) -> None:
    if values.size and (values.min() < 0 or values.max() >= end):
        outside = values[(values < 0) | (values >= end)][0]
        raise SynfireError(f"{name} {outside} is outside 0 … {end - 1}")
