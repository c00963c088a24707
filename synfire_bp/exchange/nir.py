"""A feedforward network of memoryless threshold neurons as a NIR graph.

Two of its layers are W1 and the neurons above it::

    input -> w1 (Linear) -> h1 (neurons) -> w2 (Linear) -> o (neurons) -> output

An image, 0 or 1 per pixel, is the input of one time step.  A neuron spikes in the step if the sum
of its inputs is greater (not equal) than its threshold, and forgets the sum.  The gates that open
the circuit's populations one phase after the other are not in the graph: what is open in no phase
sends nothing, so the function is the same, and a simulator may show an image in every step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import SynfireError
from synfire_bp.exchange.needed import needed

if TYPE_CHECKING:
    import nir

__all__ = ["NEURONS", "READOUTS", "nir_graph"]

NEURONS = ("threshold", "integrator", "lif")
"""Nodes that a neuron can be, all of them the same neuron where a step lasts `dt`:

threshold    nir.Threshold: z = 1 if the sum is greater than the threshold; it has no time
integrator   nir.LI with a time constant of one step, then nir.Threshold: in an Euler step
             v += dt/tau * (r*sum - v), with tau = dt and r = 1, nothing is left of the earlier v
lif          nir.LIF with a time constant of one step, reset to 0, in the same way
"""

READOUTS = ("spikes", "potentials")


def nir_graph(
    weights: Sequence[NDArray[np.integer]],
    thresholds: Sequence[int],
    *,
    neurons: str = "threshold",
    readout: str = "spikes",
    dt: float = 1e-3,
    about: Mapping[str, Any] | None = None,
) -> nir.NIRGraph:
    """Return a network as a NIR graph.

    Parameters
    ----------
    weights : sequence of integer arrays
        W1, W2, …, shapes (n_pre, n_post).
    thresholds : sequence of int
        One per layer, in units of the weights.
    neurons : {"threshold", "integrator", "lif"}
        See `NEURONS`.
    readout : {"spikes", "potentials"}
        Whether the graph ends with the output neurons or with their summed input.
    dt : float
        Duration of a time step in the simulator that reads the graph, in seconds.
    about : mapping, optional
        Metadata: strings and numbers.

    Returns
    -------
    nir.NIRGraph
        Weights are float32, which holds all of these whole numbers and their sums exactly.

    Raises
    ------
    SynfireError
        If nir is not installed, or a shape, a number or a word does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> w1, w2 = np.full((4, 3), 200), np.full((3, 2), 254)
    >>> list(nir_graph([w1, w2], [512, 512]).nodes)
    ['input', 'w1', 'h1', 'w2', 'o', 'output']
    """
    for what, word, known in (("neurons", neurons, NEURONS), ("readout", readout, READOUTS)):
        if word not in known:
            raise SynfireError(f"to_nir: {what} is {word!r:.40}; must be one of {', '.join(known)}")
    number = isinstance(dt, (int, float)) and not isinstance(dt, bool)
    if not (number and 0 < dt < math.inf):
        raise SynfireError(f"to_nir: dt is {dt!r:.40} s; must be a number greater than 0")
    matrices = _checked(weights, thresholds)
    nir = needed("nir", "to_nir()")
    nodes = {"input": nir.Input(np.array([matrices[0].shape[0]]))}
    for layer, (matrix, threshold) in enumerate(zip(matrices, thresholds, strict=True), 1):
        nodes[f"w{layer}"] = nir.Linear(matrix.T.astype(np.float32))
        last = layer == len(matrices)
        if not (last and readout == "potentials"):
            name = "o" if last else f"h{layer}"
            nodes |= _neurons(nir, name, neurons, matrix.shape[1], threshold, dt)
    nodes["output"] = nir.Output(np.array([matrices[-1].shape[1]]))
    names = list(nodes)
    edges = list(itertools.pairwise(names))
    return nir.NIRGraph(nodes, edges, metadata={"dt": dt, **(about or {})})


def _checked(weights: Sequence[NDArray], thresholds: Sequence[int]) -> list[NDArray]:
    matrices = [np.asarray(matrix) for matrix in weights]
    shapes = [matrix.shape for matrix in matrices]
    fit = (
        bool(matrices)
        and all(len(shape) == 2 for shape in shapes)
        and all(a[1] == b[0] for a, b in itertools.pairwise(shapes))
    )
    if not fit or len(thresholds) != len(matrices):
        raise SynfireError(
            f"to_nir: weights have shapes {', '.join(map(str, shapes)) or 'of none'}, with "
            f"{len(thresholds)} thresholds; must be (n_in, n_1), (n_1, n_2), … with one threshold "
            "for each"
        )
    return matrices


def _neurons(
    nir: Any, name: str, kind: str, size: int, threshold: int, dt: float
) -> dict[str, Any]:
    """Return the nodes of one layer of neurons."""

    def each(value: float) -> NDArray[np.float32]:
        return np.full(size, value, dtype=np.float32)

    if kind == "lif":
        lif = nir.LIF(
            tau=each(dt), r=each(1), v_leak=each(0), v_threshold=each(threshold), v_reset=each(0)
        )
        return {name: lif}
    fires = {name: nir.Threshold(each(threshold))}
    if kind == "integrator":
        return {f"{name}_sum": nir.LI(tau=each(dt), r=each(1), v_leak=each(0)), **fires}
    return fires
