"""Size of deeper circuits: phases, populations, neurons, synapses and cores of the chip.

Derived from the rows of the circuits alone, not from a run.  As Markdown, printed or put into a
file between the two comments `BEGIN` and `END`::

    python -m analysis.variants.depth_table [--into FILE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synfire_bp.circuit import Circuit, backprop_circuit, inference_circuit
from synfire_bp.circuit.deep import deep_circuit, deep_inference_circuit
from synfire_bp.errors import HardwareError, at_a_shell
from synfire_bp.loihi.placement import Placement, place

from ..shared.entry import Entry
from ..shared.markdown import markdown, print_or_insert
from .study import FOLDER

__all__ = ["BEGIN", "DEPTHS", "END", "ENTRY", "depths", "main", "table"]

BEGIN = (
    "<!-- begin of the table: python -m analysis.variants.depth_table --into docs/variants.md -->"
)
END = "<!-- end of the table of depths -->"

DEPTHS = (2, 3, 4, 5, 6, 9, 11, 12)
"""Weight layers.  With the widths below the chip holds 11 of them, and not 12."""

INPUTS, HIDDEN, OUTPUTS = 400, 400, 10


def depths(of: Sequence[int] = DEPTHS) -> pd.DataFrame:
    """Return one row for the paper's circuit, and one for the deep circuit of each depth.

    Returns
    -------
    DataFrame
        `circuit` ("paper" or "deep"), `weight_layers`, `sizes`; of the training circuit `phases`,
        `populations` (without the gating chain), `neurons` (with it), `plastic_projections`,
        `learning_synapses`, `fixed_synapses`, `longest_delay` (extra, in steps), `cores` (of Loihi;
        missing if it needs more than one chip), `fills` (what decides that number);
        `inference_phases`, `inference_neurons`, `inference_cores`.
    """
    paper = (INPUTS, HIDDEN, OUTPUTS)
    rows = [_row("paper", backprop_circuit(paper), inference_circuit(paper))]
    for depth in of:
        sizes = (INPUTS, *(depth - 1) * (HIDDEN,), OUTPUTS)
        rows.append(_row("deep", deep_circuit(sizes), deep_inference_circuit(sizes)))
    return pd.DataFrame(rows).astype({"cores": "Int64", "inference_cores": "Int64"})


def _row(name: str, circuit: Circuit, inference: Circuit) -> dict[str, Any]:
    placed, answering = _placed(circuit), _placed(inference)
    return {
        "circuit": name,
        "weight_layers": len(circuit.sizes) - 1,
        "sizes": "-".join(map(str, circuit.sizes)),
        "phases": circuit.n_phases,
        "populations": len(circuit.populations),
        "neurons": circuit.n_neurons,
        "plastic_projections": len(circuit.plastic),
        "learning_synapses": circuit.n_plastic_synapses,
        "fixed_synapses": circuit.n_fixed_synapses,
        "longest_delay": max(row.extra_delay for row in circuit.projections),
        "cores": None if placed is None else placed.n_cores,
        "fills": "more than the chip has" if placed is None else placed.binding,
        "inference_phases": inference.n_phases,
        "inference_neurons": inference.n_neurons,
        "inference_cores": None if answering is None else answering.n_cores,
    }


def _placed(circuit: Circuit) -> Placement | None:
    try:
        return place(circuit)
    except HardwareError:  # more than one chip
        return None


def table(numbers: pd.DataFrame) -> str:
    """Return the table as Markdown, with what the numbers follow."""
    rows = [
        [
            f"{row['weight_layers']}{', the paper’s' if row['circuit'] == 'paper' else ''}",
            str(row["phases"]),
            str(row["populations"]),
            f"{row['neurons']:,}",
            f"{row['learning_synapses']:,}",
            f"{row['fixed_synapses']:,}",
            "too many" if pd.isna(row["cores"]) else f"{row['cores']}",
            f"{row['inference_phases']}",
            f"{row['inference_neurons']:,}",
            f"{row['inference_cores']}",
        ]
        for row in numbers.to_dict("records")
    ]
    heads = [
        "weight layers L", "phases", "populations", "neurons", "learning synapses",
        "fixed synapses", "cores", "phases, inference", "neurons, inference", "cores, inference",
    ]  # fmt: skip
    return (
        f"Networks with {INPUTS} inputs, {HIDDEN} units in each hidden layer and {OUTPUTS} "
        "outputs. Cores: of the 128 of one Loihi chip, in our own placement. A circuit has "
        "6 L + 1 phases, and 8 L + 1 populations in addition to a gate for every "
        "phase; from L = 12 on, the longest delays need additional populations.\n\n"
        + markdown(heads, rows)
        + "\n"
    )


ENTRY = Entry(
    name="table_depth",
    group=FOLDER,
    title="Size of deeper circuits",
    caption=(
        "Phases, populations, neurons, synapses and cores of the chip against the number of weight "
        f"layers, with {INPUTS} inputs, {HIDDEN} units in each hidden layer and {OUTPUTS} outputs. "
        "Derived from the rows of the circuits alone, not from a run; first row: the paper’s "
        "circuit."
    ),
    numbers=lambda runs: depths(),
)


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table or write it into a file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.depth_table", description="Size of deeper circuits."
    )
    parser.add_argument("--into", type=Path, help="Markdown file with the two comments")
    options = parser.parse_args(arguments)
    return print_or_insert(lambda: table(depths()), options.into, BEGIN, END)


if __name__ == "__main__":
    sys.exit(main())
