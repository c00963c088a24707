"""The rows of a circuit as tables: phases, gates, populations, projections, counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.numbers import FULL
from synfire_bp.circuit.reference import firing_table
from synfire_bp.circuit.rows import Block as Closing
from synfire_bp.circuit.rows import Gate, Population, Source
from synfire_bp.description.structure import Block, Part
from synfire_bp.loihi.printed import Table
from synfire_bp.model.model import Model

__all__ = ["circuit_part"]


def circuit_part(model: Model) -> Part:
    """Return the training circuit of a model, and the counts of both of its circuits."""
    circuit = model.circuit
    blocks: list[Block] = [
        _phases(circuit),
        _populations(circuit),
        _learning(circuit),
        _fixed(circuit),
        _gates(circuit),
        _counts(circuit, model.inference.circuit),
    ]
    if circuit.payloads:
        blocks.append(_graded(circuit))
    if cautions := circuit.cautions():
        blocks.append("If all presynaptic neurons were active and all weights at their limit:")
        blocks += [f"  {caution}" for caution in cautions]
    return Part("Circuit", tuple(blocks))


def listed(values: Iterable[int]) -> str:
    """Return numbers in one cell; "never" if there are none."""
    return ", ".join(map(str, values)) or "never"


def _threshold(row: Gate | Closing) -> int | None:
    return None if isinstance(row, Closing) else row.threshold


def _phases(circuit: Circuit) -> Table:
    def gates(phase: int, threshold: int | None) -> str:
        return ", ".join(
            row.population
            for row in circuit.gates
            if row.phase == phase and _threshold(row) == threshold
        )

    thresholds = sorted({row.threshold for row in circuit.gates if not isinstance(row, Closing)})
    rows = [
        (str(phase.index), phase.meaning, phase.learning,
         *(gates(phase.index, t) for t in thresholds), gates(phase.index, None))
        for phase in circuit.phases
    ]  # fmt: skip
    heads = (*(f"opened, threshold {t}" for t in thresholds), "blocked")
    return Table("Phases", ("", "meaning", "learning", *heads), rows, left=99)


def _populations(circuit: Circuit) -> Table:
    fires = firing_table(circuit)
    named: list[Source | Population] = [*circuit.sources, *circuit.populations]
    rows = [
        (row.name, f"{circuit.population_sizes[row.name]:,}", listed(fires[row.name]), row.role)
        for row in named
    ]
    chain = f"{circuit.gate_names[0]} … {circuit.gate_names[-1]}"
    size = f"{circuit.layer_sizes['gate']} each"
    rows.append((chain, size, "one before its own", "gating chain, a ring"))
    return Table("Populations", ("", "neurons", "may fire in phase", "role"), rows, left=1, more=2)


def _learning(circuit: Circuit) -> Table:
    names = [name.upper() for name in circuit.matrix_names]
    rows = [
        (
            row.name,
            f"{circuit.n_synapses(row):,}",
            ("-" if row.sign < 0 else "") + names[row.layer] + ("ᵀ" if row.transposed else ""),
        )
        for row in circuit.plastic
    ]
    heads = ("", "synapses", "copy of")
    return Table("Learning projections, all to all", heads, rows, left=1, more=2)


def _fixed(circuit: Circuit) -> Table:
    rows = [
        (
            f"{row.pre}→{', '.join(row.post)}",
            row.weight,
            f"{circuit.fixed_weights[row.weight].value:+d}",
            listed(row.extra_delays),
        )
        for row in circuit.relays
    ]
    heads = ("", "kind", "weight", "extra delay")
    return Table("Fixed projections, one to one", heads, rows, left=2)


def _gates(circuit: Circuit) -> Table:
    """Return what a gate's pulse must carry to open a population to each threshold."""
    kinds: dict[tuple[float, str, tuple[str, ...]], dict[str, None]] = {}
    for row in circuit.gates:
        place, what = float("inf"), "blocked"
        if isinstance(row, Gate):
            sides = " or below" if row.signed else ""
            place, what = row.threshold, f"input above{sides} {row.threshold}"
        kinds.setdefault((place, what, row.weights), {})[row.population] = None
    rows = []
    for (_, what, names), populations in sorted(kinds.items()):
        weights = [circuit.fixed_weights[name] for name in names]
        total = sum(weight.value for weight in weights)
        parts = ", ".join(
            f"{one.name} = {one.mantissa} x 2^{one.exponent}" for one in dict.fromkeys(weights)
        )
        times = f", {len(names)} times" if len(names) > len(set(names)) else ""
        rows.append((what, ", ".join(populations), f"{total:+d}", parts + times))
    heads = ("fires at", "populations", "weight of the gate", "made of")
    title = f"Gates: bias -{circuit.closing}, plus the gate's weight, plus input, above {FULL}"
    return Table(title, heads, rows, left=2, more=3)


def _graded(circuit: Circuit) -> Table:
    rows = [
        (
            name,
            f"{plain.step}",
            f"{plain.most}",
            f"{signed.step}",
            f"{signed.most}",
        )
        for name, (plain, signed) in circuit.grades.items()
    ]
    heads = ("", "step, weight units", "at the most", "step if signed", "at the most")
    return Table(
        "Payload of graded spikes: steps above the threshold, rounded up", heads, rows, left=1
    )


def _counts(circuit: Circuit, inference: Circuit) -> Table:
    return Table(
        "Counts", ("", "training", "inference"), list(_counted(circuit, inference)), left=1
    )


def _counted(circuit: Circuit, inference: Circuit) -> Iterator[tuple[str, str, str]]:
    both = (circuit, inference)
    learning = (circuit.n_plastic_synapses, 0)
    for what, counts in (
        ("time steps a sample", [one.n_phases for one in both]),
        ("neurons, without sources", [one.n_neurons for one in both]),
        ("learning synapses", learning),
        ("all-to-all synapses", [one.n_plastic_synapses for one in both]),
        ("fixed synapses", [one.n_fixed_synapses for one in both]),
    ):
        yield what, f"{counts[0]:,}", f"{counts[1]:,}"
