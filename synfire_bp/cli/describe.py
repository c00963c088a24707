"""The command `describe`: what a model is, and what it takes of a chip, without running it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synfire_bp.circuit.rule_checks import LARGEST_TAG
from synfire_bp.cli.options import (
    HardwareName,
    Model,
    PlacementName,
    Plugins,
    Set,
    read_experiment,
)
from synfire_bp.cli.tables import listed, print_table
from synfire_bp.errors import ExperimentError, visible

if TYPE_CHECKING:
    from synfire_bp.circuit.circuit import Circuit
    from synfire_bp.circuit.rows import Population, Source
    from synfire_bp.loihi.summary import Table as HardwareTable
    from synfire_bp.model.experiment import Experiment
    from synfire_bp.runs.run import Run

__all__ = ["describe"]


def describe(
    model: Model,
    changes: Set = None,
    hardware: Annotated[
        HardwareName | None,
        typer.Option(help="Also what it takes of this chip. Default: the model's own, if any."),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Run directory of the model: energy and time from its spikes."),
    ] = None,
    placement: Annotated[
        PlacementName | None,
        typer.Option(
            help="Cores: as few as hold it (own), or the paper's 81 (authors). Default: own."
        ),
    ] = None,
    plugins: Plugins = None,
) -> None:
    """Print a model's populations, phases, projections and counts."""
    from synfire_bp.model.model import assemble
    from synfire_bp.runs.run import Run

    experiment = read_experiment(model, changes)
    assembled = assemble(experiment)
    circuit, inference = assembled.circuit, assembled.inference.circuit
    on_chip: list[HardwareTable | str] = []  # before anything is printed: it may be refused
    if hardware is not None or assembled.network.neurons.chip is not None:
        on_chip = _on_chip(
            circuit, inference, None if run is None else Run.open(run),
            (placement or PlacementName.own).value,
        )  # fmt: skip
    elif run is not None or placement is not None:
        option = "--placement" if run is None else "--run"
        raise typer.BadParameter(f"{option} needs --hardware {HardwareName.loihi1.value}")
    sizes = "-".join(map(str, circuit.sizes))
    print(visible(f"{experiment.name}: {experiment.description}"))
    rule = experiment.learning.parsed()
    print(f"{experiment.dataset.name}, {sizes}, rule: {rule.text}")
    if rule.dt is not None:
        print(f"tag: {rule.dt.text}")
    for name, trace in rule.traces:
        decay = "no decay" if trace.tau is None else f"time constant {trace.tau:g} phases"
        print(f"trace {name}: {trace.impulse} a spike, {decay}")
    if collects := experiment.learning.accumulator:
        fractions = ", ".join(f"{fraction:g}" for fraction in collects.fractions)
        print(
            f"accumulator ({collects.kind}): a tag of {LARGEST_TAG.bit_length() + 1} bits collects "
            f"{fractions} of what the rule says, {collects.epochs} epochs each"
        )
    if remembers := experiment.learning.eligibility:
        print(
            f"eligibility: a trace of {remembers.tau:g} samples takes up what the rule says; "
            f"weights take {remembers.gain:g} of reward x trace at the end of each sample"
        )
    if shift := experiment.dataset.shift:
        pixels = f"{shift} pixel{'s' * (shift > 1)}"
        print(f"augment: training images shifted by up to {pixels} along rows and columns")
    for variant, changes_made in _variants(experiment):
        print(f"variant {variant}: {changes_made}")
    if payloads := circuit.payloads:
        print(
            f"graded spikes carry up to: {_payloads(payloads)}. Loihi 2 has them, Loihi 1 has not"
        )
    for obstacle in assembled.algorithm.obstacles:
        print(f"engine circuit alone: {obstacle}")
    _print_phases(circuit)
    _print_populations(circuit)
    _print_projections(circuit)
    _print_counts(circuit, inference)
    if cautions := circuit.cautions():
        print("Were all presynaptic neurons active and all weights at their limit:")
        for caution in cautions:
            print(f"  {caution}")
    for item in on_chip:
        if isinstance(item, str):
            print(item)
        else:
            print_table(item.title, item.heads, item.rows, left=item.left, more=item.more)


def _variants(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Yield each variant of a model with what it says of it, beside defaults."""
    from synfire_bp.variants import acting_order, named_by_a_word

    words = named_by_a_word()
    for name in acting_order():
        if (section := getattr(experiment, name, None)) is not None:
            said = section.model_dump(mode="json", exclude_defaults=True)
            if (word := words.get(name)) and getattr(section, word) is not False:
                said = {word: getattr(section, word)} | said
            yield name, ", ".join(f"{key} {value}" for key, value in said.items()) or "as default"


def _payloads(payloads: dict[str, int]) -> str:
    """Return what graded spikes carry at the most, and which populations' do."""
    by_size: dict[int, list[str]] = {}
    for name, most in payloads.items():
        by_size.setdefault(most, []).append(name)
    return "; ".join(f"{most} ({', '.join(names)})" for most, names in by_size.items())


def _print_phases(circuit: Circuit) -> None:
    from synfire_bp.circuit.rows import Block

    def gates(phase: int, threshold: int | None) -> str:
        return ", ".join(
            row.population
            for row in circuit.gates
            if row.phase == phase
            and (None if isinstance(row, Block) else row.threshold) == threshold
        )

    thresholds = sorted({row.threshold for row in circuit.gates if not isinstance(row, Block)})
    rows = [
        (phase.index, phase.meaning, phase.learning, *(gates(phase.index, t) for t in thresholds),
         gates(phase.index, None))
        for phase in circuit.phases
    ]  # fmt: skip
    heads = (*(f"opened, threshold {t}" for t in thresholds), "blocked")
    print_table("Phases", ("", "meaning", "learning", *heads), rows, left=9)


def _print_populations(circuit: Circuit) -> None:
    from synfire_bp.circuit.reference import firing_table

    table = firing_table(circuit)
    named: list[Source | Population] = [*circuit.sources, *circuit.populations]
    rows = [
        (row.name, f"{circuit.population_sizes[row.name]:,}", listed(table[row.name]), row.role)
        for row in named
    ]
    chain = f"{circuit.gate_names[0]} … {circuit.gate_names[-1]}"
    size = f"{circuit.layer_sizes['gate']} each"
    rows.append((chain, size, "one before its own", "gating chain, a ring"))
    print_table("Populations", ("", "neurons", "may fire in phase", "role"), rows, left=1, more=2)


def _print_projections(circuit: Circuit) -> None:
    names = [name.upper() for name in circuit.matrix_names]
    rows = [
        (
            row.name,
            f"{circuit.n_synapses(row):,}",
            ("-" if row.sign < 0 else "") + names[row.layer] + ("ᵀ" if row.transposed else ""),
        )
        for row in circuit.plastic
    ]
    print_table("Learning projections, all to all", ("", "synapses", "copy of"), rows, left=1)
    fixed = [
        (
            f"{row.pre}→{', '.join(row.post)}",
            row.weight,
            f"{circuit.fixed_weights[row.weight].value:+d}",
            listed(row.extra_delays),
        )
        for row in circuit.relays
    ]
    print_table(
        "Fixed projections, one to one", ("", "kind", "weight", "extra delay"), fixed, left=2
    )


def _print_counts(circuit: Circuit, inference: Circuit) -> None:
    counts = (
        ("time steps a sample", lambda c: c.n_phases),
        ("neurons, without sources", lambda c: c.n_neurons),
        ("learning synapses", lambda c: c.n_plastic_synapses if c is circuit else 0),
        ("all-to-all synapses", lambda c: c.n_plastic_synapses),
        ("fixed synapses", lambda c: c.n_fixed_synapses),
    )
    rows = [(what, f"{count(circuit):,}", f"{count(inference):,}") for what, count in counts]
    print_table("Counts", ("", "training", "inference"), rows, left=1)


def _on_chip(
    circuit: Circuit, inference: Circuit, run: Run | None, placement: str
) -> list[HardwareTable | str]:
    from synfire_bp.loihi.summary import hardware_report

    if run is not None and run.experiment.network.sizes != circuit.sizes:
        raise ExperimentError(
            f"{run.path}: its network is {'-'.join(map(str, run.experiment.network.sizes))}, the "
            f"model's {'-'.join(map(str, circuit.sizes))}; --run must name a run of the model"
        )
    spikes, metrics = (None, None) if run is None else (run.spike_counts, run.metrics)
    return list(hardware_report(circuit, inference, spikes, metrics, placement))
