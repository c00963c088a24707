"""Direct random target projection, in the circuit's own network: integers and 8-bit weights.

Frenkel, Lefebvre and Bol (2021), Front. Neurosci. 15:629892: a hidden layer gets no error.  A fixed
random matrix projects the target on it, and that sign, where the unit's derivative is not 0, moves
its weights.  Nothing comes back from the output, so a hidden layer need not wait for it.

Everything else is as in `mnist_fine`: threshold units, the box derivative, a margin and a box at
the output, and tags that collect fractions of a step of 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.circuit.accumulator import PARTS, WEIGHT_STEP, Accumulator
from synfire_bp.circuit.numbers import FULL, HALF, WEIGHT_LIMIT
from synfire_bp.circuit.weights import initial_weights
from synfire_bp.progress import WorkProgress
from synfire_bp.rivals.base import Outcome, rival
from synfire_bp.rivals.cost import Operations
from synfire_bp.rivals.images import ImageRival, Units, refuse_other_sizes, share_correct
from synfire_bp.section import Section

__all__ = ["Drtp", "Network", "train_on"]

Int16s = NDArray[np.int16]


class DrtpNetwork(Section):
    """Size of the network and range of its weights."""

    sizes: tuple[Units, Units, Units] = Field(
        strict=False, description="Units of the input, hidden and output layer."
    )
    initial_spread: float = Field(
        default=0.5, gt=0, le=10, description="Factor on the paper's initial weights."
    )
    weight_limit: int = Field(
        default=WEIGHT_LIMIT,
        ge=2,
        le=WEIGHT_LIMIT,
        multiple_of=2,
        description="Weights are clipped to plus or minus this, in weight units.",
    )


class DrtpLearning(Section):
    """How weights move."""

    margin: int = Field(
        default=256,
        ge=0,
        le=HALF,
        description="A target learns until its input exceeds 512 + margin, any other output until "
        "it is 512 - margin or less; weight units.",
    )
    box: tuple[int, int] = Field(
        default=(-512, 1536),
        strict=False,
        description="An output learns only while its input lies in this range; weight units.",
    )
    parts: tuple[int, ...] = Field(
        default=(PARTS,),
        strict=False,
        min_length=1,
        max_length=100,
        description=f"How many {PARTS}ths of a step a tag collects, one after the other.",
    )
    epochs: int = Field(default=1, ge=1, le=10_000, description="For how many epochs each.")


@dataclass(frozen=True, eq=False)
class Network:
    """The weights and what goes with them; `w1`, `w2` and the tags change in place.

    Attributes
    ----------
    w1, w2 : int16 arrays, shapes (n_in, n_hid) and (n_hid, n_out)
        Even weights.
    t1, t2 : int16 arrays, the same shapes
        Tags, in `PARTS` of a step.
    projection : int8 array, shape (n_out, n_hid)
        Fixed: 1 or -1.
    """

    w1: Int16s
    w2: Int16s
    t1: Int16s
    t2: Int16s
    projection: NDArray[np.int8]

    @classmethod
    def drawn(cls, sizes: tuple[int, int, int], seed: int, spread: float, limit: int) -> Network:
        """Draw the weights, as the circuit's are drawn, and the projection."""
        w1, w2 = (np.clip(w, -limit, limit) for w in initial_weights(sizes, seed, spread=spread))
        rng = np.random.default_rng((seed, 1))
        signs = 2 * rng.integers(2, size=(sizes[2], sizes[1])) - 1
        return cls(w1, w2, np.zeros_like(w1), np.zeros_like(w2), signs.astype(np.int8))

    def potentials(self, inputs: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the summed input of the output units, shape (n, n_out); exact whole numbers."""
        hidden = inputs.astype(np.float32) @ self.w1.astype(np.float32) > HALF
        return hidden.astype(np.float32) @ self.w2.astype(np.float32)


@rival("drtp")
class Drtp(ImageRival):
    """Direct random target projection."""

    summary = "Direct random target projection (Frenkel et al. 2021), in integers."

    network: DrtpNetwork
    learning: DrtpLearning = DrtpLearning()

    def run(self, progress: WorkProgress) -> Outcome:
        """Train and test."""
        data = self.images()
        refuse_other_sizes(self, self.network.sizes, data)
        schedule = Accumulator(self.learning.parts, self.learning.epochs)
        sizes, limit = self.network.sizes, self.network.weight_limit
        net = Network.drawn(sizes, self.seed, self.network.initial_spread, limit)
        curve: list[Mapping[str, Any]] = []
        counts = np.zeros(2, np.int64)
        progress.begin(f"{self.name}: random targets", self.training.epochs * len(data.train))
        for epoch, order in enumerate(self.orders(data), 1):
            counts = train_on(
                net, data.learnt.inputs, data.learnt.labels, order,
                parts=schedule.share(epoch - 1), margin=self.learning.margin,
                box=self.learning.box, limit=limit,
            )  # fmt: skip
            progress.reached(epoch * len(order))
            if self.tested_after(epoch):
                potentials = net.potentials(data.test.inputs)
                alone = (potentials > HALF).sum(axis=1) == 1
                answers = np.where(alone, (potentials > HALF).argmax(axis=1), -1)
                curve.append(
                    {
                        "epoch": epoch,
                        "spikes_percent": share_correct(answers, data.test),
                        "percent": share_correct(potentials.argmax(axis=1), data.test),
                    }
                )
        x, h = counts / len(data.train)
        return Outcome(
            tuple(curve),
            self.training.epochs * len(data.train),
            _counted(sizes, float(x), float(h)),
            {"w1": net.w1, "w2": net.w2, "projection": net.projection},
        )


def train_on(
    net: Network,
    inputs: NDArray[np.uint8],
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    *,
    parts: int,
    margin: int,
    box: tuple[int, int],
    limit: int,
) -> NDArray[np.int64]:
    """Show samples in this order; the network learns in place.

    Parameters
    ----------
    net : Network
        What learns.
    inputs : array of uint8, shape (n, n_in)
        0 or 1.
    labels : array of int64, shape (n,)
        Classes.
    order : array of int64
        Which samples, one after the other.
    parts : int
        How many `PARTS` of a step a tag collects.
    margin, box, limit : int, pair of int, int
        As in `DrtpLearning` and `DrtpNetwork`, weight units.

    Returns
    -------
    array of int64, shape (2,)
        Spikes of the inputs and of the hidden layer.
    """
    counts = np.zeros(2, np.int64)
    _learn(
        inputs, labels, order, net.w1, net.w2, net.t1, net.t2, net.projection,
        parts, margin, box[0], box[1], limit, counts,
    )  # fmt: skip
    return counts


def _counted(sizes: tuple[int, int, int], x: float, h: float) -> Operations:
    """Count a sample: forwards, and the target's way to the hidden layer."""
    n_in, n_hid, n_out = sizes
    passed = x * n_hid + h * n_out
    return Operations(
        spikes=x + h + 2,  # an output, and the target
        synaptic=passed + n_hid,
        learning=passed,
        neurons=3 * (n_hid + n_out),
        all_learning=3 * (n_in * n_hid + n_hid * n_out),
    )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _learn(  # type: ignore[no-untyped-def]
    inputs, labels, order, w1, w2, t1, t2, projection, parts, margin, low, high, limit, counts
):
    n_in, n_hid = w1.shape
    n_out = w2.shape[1]
    x, h = np.empty(n_in, np.int64), np.empty(n_hid, np.int64)
    a1, a2 = np.empty(n_hid, np.int32), np.empty(n_out, np.int32)
    d1, d2 = np.empty(n_hid, np.int16), np.empty(n_out, np.int16)
    for sample in order:
        n_x = _listed(inputs[sample], 0, x)
        _summed(x[:n_x], w1, a1)
        n_h = _listed(a1, HALF, h)
        _summed(h[:n_h], w2, a2)
        counts[0] += n_x
        counts[1] += n_h
        label = labels[sample]
        for j in range(n_hid):  # the box derivative, times the projected target
            d1[j] = parts * projection[label, j] if 0 < a1[j] <= FULL else 0
        for j in range(n_out):
            d2[j] = 0
            if low < a2[j] <= high:
                if j == label and a2[j] <= HALF + margin:
                    d2[j] = parts
                elif j != label and a2[j] > HALF - margin:
                    d2[j] = -parts
        _move(x[:n_x], d1, w1, t1, limit)
        _move(h[:n_h], d2, w2, t2, limit)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _listed(values, above, found):  # type: ignore[no-untyped-def]
    """Write down where values exceed `above`; return how many do."""
    n = 0
    for i in range(values.size):
        if values[i] > above:
            found[n] = i
            n += 1
    return n


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _summed(rows, weights, sums):  # type: ignore[no-untyped-def]
    """Fill `sums` with the sum of some rows."""
    sums[:] = 0
    for i in rows:
        for j in range(sums.size):
            sums[j] += weights[i, j]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _move(rows, changes, weights, tags, limit):  # type: ignore[no-untyped-def]
    """Add changes to the tags of some rows; whole steps go to the weight, the rest stays."""
    whole, two = np.int16(PARTS), np.int16(WEIGHT_STEP)
    highest, lowest = np.int16(limit), np.int16(-limit)
    for i in rows:
        for j in range(changes.size):  # all within 16 bits, so that many go at once
            tag = np.int16(tags[i, j] + changes[j])
            step = np.int16(np.int16(tag >= whole) - np.int16(tag <= np.int16(-whole)))
            tags[i, j] = np.int16(tag - np.int16(whole * step))
            moved = np.int16(weights[i, j] + np.int16(two * step))
            weights[i, j] = min(max(moved, lowest), highest)
