"""Data set, length of the training, and size of the network."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import sqrt

from synfire_bp.circuit.numbers import CLOSING, FULL
from synfire_bp.circuit.weights import INITIAL_LIMIT
from synfire_bp.description.structure import Part, facts
from synfire_bp.model.model import Model
from synfire_bp.model.sections import LAYERS

__all__ = ["network_part", "plural", "task_part"]


def plural(number: int, what: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> plural(1, "pixel"), plural(2000, "pixel")
    ('1 pixel', '2,000 pixels')
    """
    return f"{number:,} {what}{'s' * (number != 1)}"


def task_part(model: Model) -> Part:
    """Return what is learnt and for how long."""
    return Part("Task and training", facts(_task(model)))


def _task(model: Model) -> Iterator[tuple[str, str]]:
    experiment = model.experiment
    dataset, training, record = experiment.dataset, experiment.training, experiment.record
    sizes = model.circuit.sizes
    where = f", from {dataset.path}" if dataset.path is not None else ""
    yield "data set", f"{dataset.name}{where}: {sizes[0]} inputs, {sizes[-1]} classes"
    yield "images", _images(model)
    if shift := dataset.shift:
        yield (
            "augment",
            f"training images shifted by up to {plural(shift, 'pixel')} along rows and columns, "
            "anew each time they are shown",
        )
    shown = "all training samples"
    if training.samples is not None:
        shown = f"the first {training.samples:,} training samples"
    yield "training", f"{plural(training.epochs, 'epoch')} of {shown}, seed {training.seed}"
    every = training.evaluate_every
    yield "tests", f"every {'epoch' if every == 1 else f'{every:g} epochs'}, and at the end"
    if training.renew_copies:
        yield (
            "copies",
            "all copies of a matrix are reset to the first one at the start of each epoch",
        )
    if record.samples:
        yield "recorded", f"all spikes of the last {plural(record.samples, 'sample')}"
    if experiment.requires:
        yield "plug-ins", f"needs {', '.join(experiment.requires)}"


def _images(model: Model) -> str:
    dataset = model.experiment.dataset
    used = dataset.preprocessing()
    said = []
    if used.crop:
        said.append(f"{plural(used.crop, 'pixel')} cut off on each side")
    if used.shrink > 1:
        said.append(f"the mean of each {used.shrink} x {used.shrink} pixels becomes one")
    factor = "the data set's own scale" if used.scale is None else f"{used.scale:.6g}"
    said.append(f"a pixel is on if its grey level times {factor} exceeds {used.threshold:g}")
    return "; ".join(said)


def network_part(model: Model) -> Part:
    """Return the network's size and the ranges of its weights."""
    return Part("Network", facts(_network(model)))


def _network(model: Model) -> Iterator[tuple[str, str]]:
    network, circuit = model.experiment.network, model.circuit
    hidden = len(circuit.sizes) - 2
    yield (
        "layers",
        f"{'-'.join(map(str, circuit.sizes))} units: input, {plural(hidden, 'hidden layer')}, "
        "output",
    )
    neurons = model.network.neurons
    yield "neurons", neurons.about or type(neurons).__name__
    yield "samples are shown for", _duration(model)
    paper = "the paper's" if circuit.closing == CLOSING else f"the paper's: {CLOSING:,}"
    yield (
        "closing bias",
        f"-{circuit.closing:,} weight units ({paper}); the threshold is {FULL:,}; a closed "
        f"population stays silent up to sums of {circuit.withstands():,}",
    )
    yield (
        "learning weights",
        (f"whole even numbers, -{circuit.weight_limit} ... {circuit.weight_limit} weight units"),
    )
    yield "initial weights", _initial(model)
    if len(circuit.sizes) == LAYERS and not network.paper_gates:
        yield "gates", f"not the paper's: {_resting_blocks(model)}"
    elif len(circuit.sizes) == LAYERS:
        yield "gates", "the paper's, which block hidden populations in phase 8"
    else:
        yield "gates", "block every phase in which a closed layer receives input"


def _resting_blocks(model: Model) -> str:
    """Return how firmly hidden populations are blocked, and what they withstand."""
    circuit, chip = model.network.circuit, model.network.neurons.chip
    block, paper = -circuit.blocked_by("h", 0), -circuit.fixed_weights["block"].value
    how = (
        "twice as strongly as the paper blocks them in phase 8"
        if block == 2 * paper
        else f"by {block:,} weight units (the paper: by {paper:,}, in phase 8)"
    )
    held = (
        ""
        if chip is None
        else f"; closed, they withstand sums from {block - chip.input_limit:,} to "
        f"{circuit.withstands_in('h', 0):,}, since the chip's input of a step wraps around"
    )
    return f"hidden populations are blocked in phases 0 and 8, {how}{held}"


def _duration(model: Model) -> str:
    neurons, phases = model.network.neurons, model.circuit.n_phases
    if neurons.steps_per_phase == 1:
        return f"{phases} phases"
    return (
        f"{phases} phases of {neurons.phase_ms:g} ms, {phases * neurons.phase_ms:g} ms; a phase "
        f"has {neurons.steps_per_phase} time steps"
    )


def _initial(model: Model) -> str:
    spread = model.experiment.network.initial_spread
    deviations = ", ".join(
        f"{FULL * spread * sqrt(2 / (pre + post)):.3g} (W{n})"
        for n, (pre, post) in enumerate(itertools.pairwise(model.circuit.sizes), 1)
    )
    factor = "" if spread == 1 else f", {spread:g} times the paper's"
    return (
        f"normal, standard deviation {deviations} weight units{factor}, cut off at plus and minus "
        f"{INITIAL_LIMIT}, seed {model.seed}"
    )
