"""From any model to Brian2 objects, in runtime mode: to watch, to stimulate, to take apart.

data = sb.load_dataset("digits")
model = sb.assemble(sb.Experiment.from_file("variants/digits_kolen_pollack"))
net = sb.build_network(model, data)
spikes = SpikeMonitor(net["h"])    # any monitor, stimulus or population of your own
net.network.add(spikes)
net.run(3)                         # three samples
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.data.datasets import Dataset
from synfire_bp.errors import SynfireError
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model, Weights, assemble
from synfire_bp.network.neurons import first_seed
from synfire_bp.network.numbers import Moment

if TYPE_CHECKING:
    from synfire_bp.network.objects import CircuitNetwork

__all__ = ["build_network"]


def build_network(
    model: Model | Experiment | Circuit,
    data: Dataset | None = None,
    *,
    weights: Weights | None = None,
    order: NDArray[np.integer] | None = None,
    learn: bool = True,
    **given: Any,
) -> CircuitNetwork:
    """Build the network of a model for Brian2's runtime mode.

    Parameters
    ----------
    model : Model, Experiment or Circuit
        What is built: with all its variants, on its chip, in its physical neurons.  A circuit alone
        takes ``weights``, ``inputs`` and ``labels`` instead of data
        (`synfire_bp.network.build_network`).
    data : Dataset
        Training samples, not shifted, are shown while it learns, test samples while it does not.
    weights : tuple of int16 arrays, optional
        One matrix (n_pre, n_post) for each of `model.circuit.shapes`; the model's starting weights
        if left out.
    order : integer array, optional
        Which sample is shown when; file order if left out.
    learn : bool
        True: the training network; False: the inference network.

    Returns
    -------
    CircuitNetwork
        Plain Brian2 objects: ``net["h"]`` is a population, ``net.network`` the Network, to which
        monitors and populations of your own are added; ``net.run(3)`` shows three samples.

    Raises
    ------
    SynfireError
        If data or weights do not fit, or the neurons cannot be built for this model.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> data = sb.load_dataset("digits")
    >>> model = sb.assemble(sb.Experiment.from_file("digits"))
    >>> net = sb.build_network(model, data)
    >>> net.run(1)
    >>> int(net.spike_counts()[list(net).index("g3")].sum())
    1
    """
    from synfire_bp.network.builder import build_network as of_circuit

    if isinstance(model, Circuit):
        return of_circuit(model, weights=weights or (), order=order, **given)
    _, *of_a_circuit = signature(of_circuit).parameters
    if unknown := [name for name in given if name not in of_a_circuit]:
        raise SynfireError(f"build_network: there is no argument '{unknown[0]}'")
    return _of_model(assemble(model), _needed(data, given), weights, order, learn)


def _needed(data: Dataset | None, given: dict[str, Any]) -> Dataset:
    if given:
        raise SynfireError(
            f"build_network: {', '.join(given)} given with a model; pass its data, as in "
            "build_network(model, sb.load_dataset('digits'))"
        )
    if data is None:
        raise SynfireError("build_network: a model needs data, such as sb.load_dataset('digits')")
    if not (hasattr(data, "train") and hasattr(data, "test")):
        raise SynfireError(
            f"build_network: data is {data!r:.60}; give a data set with its training and test "
            "images, such as sb.load_dataset('digits')"
        )
    return data


def _of_model(
    model: Model,
    data: Dataset,
    weights: Weights | None,
    order: NDArray[np.integer] | None,
    learn: bool,
) -> CircuitNetwork:
    from synfire_bp.network.builder import runtime_network

    plan = model.network if learn else model.inference
    plan.neurons.refuse(plan.circuit, plan.lines)
    plan.neurons.refuse_rule(model.rule)
    split = data.train if learn else data.test
    seed = first_seed(model.seed) if learn else plan.neurons.test_seed(model.seed)
    return runtime_network(
        plan, weights=model.start if weights is None else weights, inputs=split.inputs,
        labels=split.labels, order=order, at=Moment(seed, training_seed=model.seed),
    )  # fmt: skip
