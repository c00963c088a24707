"""The resolved model: an experiment with no question left open, built once.

Everything below (engines, verification, description, bench, sweeps) takes a `Model`; nobody asks
the experiment again what a variant does to the circuit, to its Brian2 network or to the algorithm.

    model = assemble(Experiment.from_file("mnist"))
    model.circuit            # the training circuit, with the variants' rows
    model.network            # what its Brian2 network is built from
    model.algorithm          # what the integers do, or why they cannot follow
    model.start              # the weights that a training starts from
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.deep import deep_circuit, deep_inference_circuit
from synfire_bp.circuit.paper import backprop_circuit, inference_circuit
from synfire_bp.circuit.rule import Rule
from synfire_bp.circuit.weights import initial_weights
from synfire_bp.errors import ExperimentError, RuleError, SynfireError, blaming
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.sections import LAYERS
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.summary import Summarised, Summary
from synfire_bp.variants import Guarantees, Variant

__all__ = ["Model", "assemble", "model_only"]

Weights = tuple[NDArray[np.int16], ...]
T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Model(Summarised):
    """What is trained, resolved.

    Attributes
    ----------
    experiment : Experiment
        The model file that it was made from: data, length of the training, seed.
    network, inference : NetworkPlan
        What the training and the inference network are built from: circuit, rule, kind of neurons,
        what variants add.
    algorithm : Algorithm
        What the algorithm in integers does, or why it cannot follow.
    guarantees : Guarantees
        What of the paper's circuit holds.

    Raises
    ------
    SynfireError
        By `assemble`, which makes it.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> model = sb.assemble(sb.Experiment.from_file("digits"))
    >>> model.circuit
    <Circuit 64-400-10: 12 phases, 2,610 neurons, 96,800 learning and 14,514 fixed synapses>
    >>> [(matrix.shape, matrix.dtype) for matrix in model.start]
    [((64, 400), dtype('int16')), ((400, 10), dtype('int16'))]
    """

    experiment: Experiment
    network: NetworkPlan
    inference: NetworkPlan
    algorithm: Algorithm
    guarantees: Guarantees

    def _summary(self) -> Summary:
        whole = self.experiment._summary()
        circuit, algorithm = self.circuit._summary(), self.algorithm
        follows = "the oracle cannot follow" if algorithm.obstacles else "the oracle follows"
        lost = [
            name.replace("_", " ") for name, holds in vars(self.guarantees).items() if not holds
        ]
        return Summary(
            f"Model {self.name}",
            (*whole.said, *circuit.said, follows),
            (
                *whole.facts,
                *circuit.facts,
                ("neurons are", type(self.network.neurons).__name__),
                ("oracle", "; ".join(map(str, algorithm.obstacles)) or "follows"),
                ("need not hold", ", ".join(lost)),
            ),
        )

    @property
    def name(self) -> str:
        """Short name of the model."""
        return self.experiment.name

    @property
    def circuit(self) -> Circuit:
        """The training circuit."""
        return self.network.circuit

    @property
    def rule(self) -> Rule:
        """What every plastic synapse does."""
        assert self.network.rule is not None
        return self.network.rule

    @cached_property
    def start(self) -> Weights:
        """What a training starts from, as the synapses can hold it.

        One int16 matrix (n_pre, n_post) for each of `circuit.shapes`.
        """
        lowest, highest = self.network.neurons.weight_bounds(self.circuit)
        held = self.network.neurons.held(self.algorithm.drawn())
        return tuple(np.clip(matrix, lowest, highest) for matrix in held)

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return self.experiment.training.seed

    @property
    def n_out(self) -> int:
        """Number of classes."""
        return self.circuit.sizes[-1]


def assemble(experiment: Experiment | Model) -> Model:
    """Resolve an experiment: what its sections and variants say, put together once.

    Parameters
    ----------
    experiment : Experiment or Model
        A model is returned as it is.

    Returns
    -------
    Model
        With no question left open.

    Raises
    ------
    SynfireError
        If circuit, rule or variants contradict each other.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> model = sb.assemble(sb.Experiment.from_file("digits"))
    >>> model.rule.text
    'dw = 4*r1*x0*y0 - 2*x0*y0'
    """
    if isinstance(experiment, Model):
        return experiment
    if not isinstance(experiment, Experiment):
        raise SynfireError(
            f"a model is assembled from an Experiment, not from {type(experiment).__name__}; read "
            "one with Experiment.from_file"
        )
    circuit, inference = _circuits(experiment)
    rule = experiment.learning.parsed()
    if rule.collected is not None:
        circuit = _taking_up(circuit)
    for variant in experiment.variants:
        circuit = _changed(variant, "circuit", circuit)
        inference = _changed(variant, "circuit", inference)
    plans = NetworkPlan(circuit, rule), NetworkPlan(inference, None)
    algorithm = _algorithm(experiment, circuit, rule)
    for variant in experiment.variants:
        plans = _changed(variant, "network", plans[0]), _changed(variant, "network", plans[1])
        algorithm = _changed(variant, "algorithm", algorithm)
    _refuse_beside_accumulators(experiment, rule, plans[0])
    _refuse_beside_eligibility(experiment, rule, plans[0])
    return Model(experiment, *plans, algorithm, experiment.guarantees)


def _refuse_beside_accumulators(experiment: Experiment, rule: Rule, plan: NetworkPlan) -> None:
    """Refuse what rounds dw where a tag collects it in parts, and neurons that have no such tag."""
    if rule.fine is None:
        return
    _refuse_neurons(experiment, rule, plan)
    lines, circuit = plan.lines, plan.circuit
    if rule.collected is not None:
        met = rule.fine.met(circuit.reward_phases, circuit.n_phases)
        if met != (0,) or lines.reward:
            raise ExperimentError(
                f"{experiment.name}: learning.accumulator, kind loihi1: the reward and the flag of "
                f"every {rule.fine.every} phases must meet in phase 0 alone, where copies of a "
                f"weight hold the same; here they meet in {', '.join(map(str, met)) or 'none'}"
                + (", and the reward is disturbed" if lines.reward else "")
                + f" of {circuit.n_phases}; remove reward or layers, or choose kind programmable"
            )
    rounded = any(name in line for line in lines.change for name in ("in_steps", "in_portions"))
    if rounded or lines.reward_unit > 1:
        raise ExperimentError(
            f"{experiment.name}: learning.accumulator needs the exact change given by the rule; a "
            "graded reward, soft bounds and levels (reward, synapses) round it: remove one of them"
        )


def _refuse_beside_eligibility(experiment: Experiment, rule: Rule, plan: NetworkPlan) -> None:
    """Refuse what changes dw on its way where a trace takes it up, and neurons without traces."""
    lines = plan.lines
    if rule.eligible is None:
        if lines.modulation or lines.taught:
            raise ExperimentError(
                f"{experiment.name}: a reward at the end of a sample (reward) needs synapses that "
                "remember what it is for; add learning.eligibility, such as {tau: 0}"
            )
        return
    _refuse_neurons(experiment, rule, plan)
    if lines.change or lines.own_bounds or lines.reward_unit > 1:
        raise ExperimentError(
            f"{experiment.name}: learning.eligibility needs the exact change given by the rule; "
            "synapses, feedback.kind, errors.graded or reward.grade modify it, which a trace does "
            "not support: remove one of them"
        )


def _changed(variant: Variant, method: str, given: T) -> T:
    """Return what a variant makes of a circuit, a network or an algorithm."""
    with blaming(variant, f"'{method}' of the variant {type(variant).__name__}"):
        changed = getattr(variant, method)(given)
        if not isinstance(changed, type(given)):
            raise TypeError(f"it returned {changed!r:.60}, not a {type(given).__name__}")
    return changed


def _circuits(experiment: Experiment) -> tuple[Circuit, Circuit]:
    """Return the training and the inference circuit before any variant acts."""
    network = experiment.network
    makers = (
        (
            partial(
                backprop_circuit,
                paper_gates=network.paper_gates,
                resting_block=network.resting_block,
            ),
            inference_circuit,
        )
        if len(network.sizes) == LAYERS
        else (deep_circuit, deep_inference_circuit)
    )
    training, inference = (
        make(network.sizes, closing=network.closing, weight_limit=network.weight_limit)
        for make in makers
    )
    return training, inference


def _refuse_neurons(experiment: Experiment, rule: Rule, plan: NetworkPlan) -> None:
    """Refuse neurons that cannot follow the rule, in the name of the experiment."""
    try:
        plan.neurons.refuse_rule(rule)
    except SynfireError as error:
        raise type(error)(f"{experiment.name}: {error}") from None


def _taking_up(circuit: Circuit) -> Circuit:
    """Return the circuit with a reward in phase 0, in which weights take what tags hold."""
    first, *others = circuit.phases
    return replace(circuit, phases=(replace(first, learning="uptake"), *others))


def _first_weights(spread: float, _: Weights, algorithm: Algorithm) -> Weights:
    """Draw the weights of the paper's circuit."""
    return initial_weights(algorithm.sizes, algorithm.seed, spread=spread)


def _algorithm(experiment: Experiment, circuit: Circuit, rule: Rule) -> Algorithm:
    """Return the paper's algorithm for a circuit and its rule, before any variant acts."""
    seed, spread = experiment.training.seed, experiment.network.initial_spread
    algorithm = Algorithm(
        sizes=circuit.sizes,
        n_phases=circuit.n_phases,
        limit=circuit.weight_limit,
        starters=(partial(_first_weights, spread),),
        seed=seed,
    )
    output = circuit.layers[-1]
    back = [
        (matrix, matrix.stands_for) for matrix in circuit.further if matrix.stands_for is not None
    ]
    if len(back) < len(circuit.further):
        algorithm = algorithm.cannot("the oracle has no place for a matrix that stands for none")
    direct = any(
        matrix.post == output and layer != circuit.n_weight_layers - 1 for matrix, layer in back
    )
    forward = circuit.n_weight_layers * (True,)
    algorithm = replace(
        algorithm,
        feedback=tuple(layer for _, layer in back),
        direct=direct,
        learns=(*forward, *(not direct for _ in back)),
    )
    try:
        potentiation, depression = rule.coincidence()
    except RuleError as error:
        return algorithm.cannot(error)
    n_timed = len(forward) if rule.eligible is not None and rule.eligible.in_phases else 0
    return replace(
        algorithm,
        potentiation=potentiation,
        depression=depression,
        fine=rule.fine,
        eligible=rule.eligible,
        learning_phases=tuple(circuit.learning_phases(layer) for layer in range(n_timed)),
    )


def model_only(model: Model) -> Model:
    """Return a model, or say that something else is none.

    Raises
    ------
    SynfireError
        If it is an Experiment, or nothing of the kind.
    """
    if not isinstance(model, Model):
        raise SynfireError(
            f"an engine takes a Model, not {type(model).__name__}; make one with "
            "assemble(experiment)"
        )
    return model
