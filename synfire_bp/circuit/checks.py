"""Every row of a circuit is checked when the circuit is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synfire_bp.circuit.numbers import FULL, LONGEST_EXTRA_DELAY, WEIGHT_LIMIT
from synfire_bp.circuit.rows import Gate, Population, Source
from synfire_bp.errors import CircuitError

if TYPE_CHECKING:
    from synfire_bp.circuit.circuit import Circuit

__all__ = ["check"]


def check(circuit: Circuit) -> None:
    """Raise CircuitError for the first row that contradicts itself, the others or the chip."""
    if len(circuit.sizes) != len(circuit.layers):
        raise CircuitError(
            f"sizes {circuit.sizes} name {len(circuit.sizes)} layers; this circuit has "
            f"{len(circuit.layers)}: {', '.join(circuit.layers)}"
        )
    for layer, size in zip(circuit.layers, circuit.sizes, strict=True):
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise CircuitError(f"size of the {layer} layer is {size!r}; must be a whole number ≥ 1")
    if not 2 <= circuit.weight_limit <= WEIGHT_LIMIT or circuit.weight_limit % 2:
        raise CircuitError(
            f"weight limit is {circuit.weight_limit}; must be even and within 2 ... {WEIGHT_LIMIT}"
        )
    if [phase.index for phase in circuit.phases] != list(range(circuit.n_phases)):
        raise CircuitError("phases must be numbered 0, 1, 2, … in this order")
    named: list[Source | Population] = [*circuit.sources, *circuit.populations]
    for row in named:
        if row.layer not in circuit.layer_sizes:
            raise CircuitError(f"population '{row.name}' lies in the unknown layer '{row.layer}'")
    names = [row.name for row in named]
    twice = {name for name in names if names.count(name) > 1} | set(names) & set(circuit.gate_names)
    if twice:
        raise CircuitError(f"more than one population is named {sorted(twice)}")
    _check_populations(circuit)
    _check_phases(circuit)
    _check_weights(circuit)


def _check_populations(circuit: Circuit) -> None:
    sizes = circuit.population_sizes
    rows: list[tuple[str, tuple[str, ...]]] = [
        *((f"projection {row.pre}→{post}", (row.pre, post)) for row in circuit.relays
          for post in row.post),
        *((f"plastic projection {row.name}", (row.pre, row.post)) for row in circuit.plastic),
        *((f"gate in phase {row.phase}", (row.population,)) for row in circuit.gates),
    ]  # fmt: skip
    for what, names in rows:
        for name in names:
            if name not in sizes:
                raise CircuitError(
                    f"{what} names the unknown population '{name}'; known are {', '.join(sizes)}"
                )
    for row in circuit.relays:
        for post in row.post:
            if sizes[row.pre] != sizes[post]:
                raise CircuitError(
                    f"projection {row.pre}→{post} is one to one, but the populations have "
                    f"{sizes[row.pre]} and {sizes[post]} neurons"
                )
    _check_further(circuit)
    for plastic in circuit.plastic:
        if plastic.layer not in range(len(circuit.shapes)) or plastic.sign not in (-1, 1):
            raise CircuitError(
                f"plastic projection {plastic.name}: layer {plastic.layer}, sign {plastic.sign}; "
                f"the layer must be below {len(circuit.shapes)}, the sign 1 or -1"
            )
        n_pre, n_post = circuit.shapes[plastic.layer]
        shape = (n_post, n_pre) if plastic.transposed else (n_pre, n_post)
        if (sizes[plastic.pre], sizes[plastic.post]) != shape:
            raise CircuitError(
                f"plastic projection {plastic.name} joins {sizes[plastic.pre]} to "
                f"{sizes[plastic.post]} neurons, but its weight matrix is {shape}"
            )


def _check_further(circuit: Circuit) -> None:
    for matrix in circuit.further:
        for layer in (matrix.pre, matrix.post):
            if layer not in circuit.layers:
                raise CircuitError(
                    f"matrix '{matrix.name}' names the unknown layer '{layer}'; known are "
                    f"{', '.join(circuit.layers)}"
                )
        if matrix.stands_for is not None and matrix.stands_for not in range(len(circuit.sizes) - 1):
            raise CircuitError(
                f"matrix '{matrix.name}' takes the place of layer {matrix.stands_for}; must be "
                f"below {len(circuit.sizes) - 1}"
            )
    names = list(circuit.matrix_names)
    if twice := {name for name in names if names.count(name) > 1}:
        raise CircuitError(f"more than one matrix is named {sorted(twice)}")


def _check_phases(circuit: Circuit) -> None:
    known = range(circuit.n_phases)
    for row in circuit.gates:
        if row.phase not in known:
            raise CircuitError(
                f"gate of '{row.population}' names phase {row.phase}; this circuit has phases "
                f"0 ... {known[-1]}"
            )
    for source in circuit.sources:
        if source.emits not in known:
            raise CircuitError(
                f"source '{source.name}' emits in phase {source.emits}; this circuit has phases "
                f"0 ... {known[-1]}"
            )
    places = [(row.phase, row.population) for row in circuit.gates]
    for place in places:
        if places.count(place) > 1:
            raise CircuitError(f"population '{place[1]}' is gated twice in phase {place[0]}")


def _check_weights(circuit: Circuit) -> None:
    weight = circuit.fixed_weights  # raises for weights that the chip does not have
    for row in circuit.relays:
        if row.weight not in weight:
            raise CircuitError(
                f"projection {row.pre}→{row.post[0]} names the unknown weight '{row.weight}'; "
                f"known are {', '.join(weight)}"
            )
        for extra_delay in row.extra_delays:
            if not 0 <= extra_delay <= LONGEST_EXTRA_DELAY:
                raise CircuitError(
                    f"projection {row.pre}→{row.post[0]}: extra delay {extra_delay} is not "
                    f"within the chip's 0 ... {LONGEST_EXTRA_DELAY}"
                )
    for gate in circuit.gates:
        lift = sum(weight[name].value for name in gate.weights)
        reached = FULL + circuit.closing - lift
        if isinstance(gate, Gate) and reached != gate.threshold:
            raise CircuitError(
                f"gate of '{gate.opens}' in phase {gate.phase}: its weights {gate.weights} give "
                f"the threshold {reached}, not {gate.threshold}"
            )
