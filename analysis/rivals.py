"""The rivals beside the circuit, on one footing: ``python -m analysis.rivals RUN [RUN …]``.

Takes runs of `synfire-bp rival` on images, and what the tables of figures/ say of the circuit, and
writes `figures/learning/rivals.csv` and a picture of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synfire_bp.errors import RunDirectoryError
from synfire_bp.rivals import Operations
from synfire_bp.rivals.store import read_summary

from .shared.command import command
from .shared.output import save
from .shared.panels import Given, in_grid
from .shared.style import SINGLE_COLUMN, applied

__all__ = ["draw", "main", "numbers"]

NAME = "rivals"
LABELS = {
    "mnist": "circuit, paper",
    "mnist_fine": "circuit, mnist_fine",
    "mnist_fine_graded": "circuit, graded errors",
    "mnist_feedback_alignment": "circuit, random feedback",
    "mnist_direct_feedback": "circuit, direct feedback",
    "drtp": "random targets",
    "reward_stdp": "STDP and reward",
    "stdp": "STDP alone",
    "eprop_rows": "e-prop, row by row",
    "backprop": "floating point",
    "backprop_shifted": "floating point, shifted",
}
"""What each row is called in the picture, from top to bottom."""
_MICRO = 1e6
_COSTS = ("spikes", "synaptic_operations", "learning_updates", "energy_uj", "energy_all_uj")
_CIRCUIT_SYNAPSES, _CIRCUIT_STEPS = 500_000, 12


def numbers(summaries: Sequence[Mapping[str, Any]], figures: Path) -> pd.DataFrame:
    """Return one row per way to learn: accuracy, what a training sample takes, energy.

    Parameters
    ----------
    summaries : sequence of mappings
        Of runs on images, from `read_summary`.
    figures : Path
        The folder of the committed tables, for the circuit.

    Raises
    ------
    RunDirectoryError
        If a seed of a rival comes twice, or its costs were not counted.
    """
    found = pd.DataFrame([_run(one) for one in summaries])
    if (again := found[found.duplicated(["name", "seed"])]).size:
        first = again.iloc[0]
        raise RunDirectoryError(f"two of the runs are {first['name']} with the seed {first.seed}")
    rows = [_circuit(figures), *_beyond(figures)]
    rows += [_rival(str(name), runs) for name, runs in found.groupby("name")]
    order = {name: place for place, name in enumerate(LABELS)}
    return pd.DataFrame(rows).sort_values(
        "name", key=lambda names: names.map(lambda name: order.get(name, len(order))),
        ignore_index=True,
    )  # fmt: skip


def _run(summary: Mapping[str, Any]) -> dict[str, Any]:
    if summary["operations"] is None or "percent" not in summary["last"]:
        raise RunDirectoryError(
            f"{summary['name']}: has no accuracy or no counts of operations; give runs on images"
        )
    counted = Operations(**summary["operations"])
    return {
        "name": summary["name"],
        "seed": summary["seed"],
        "samples": summary["samples"],
        "percent": summary["last"]["percent"],
        "spikes": counted.spikes,
        "synaptic_operations": counted.synaptic,
        "learning_updates": counted.learning,
        "energy_uj": _MICRO * counted.joules(),
        "energy_all_uj": _MICRO * counted.joules(visits_all=True),
    }


def _accuracy(percent: pd.Series) -> dict[str, float]:
    return {
        "seeds": len(percent),
        "percent": round(float(percent.median()), 6),
        "percent_worst": percent.min(),
        "percent_best": percent.max(),
    }


def _rival(name: str, runs: pd.DataFrame) -> dict[str, Any]:
    return {
        "name": name, "source": "rival", **_accuracy(runs.percent),
        "samples": int(runs.samples.iloc[0]),
        **{cost: round(float(runs[cost].mean()), 3) for cost in _COSTS},
    }  # fmt: skip


def _circuit(figures: Path) -> dict[str, Any]:
    """Return the paper's circuit: accuracy by potential, costs as counted with a placement."""
    percent = pd.read_csv(figures / "paper" / "table_cross_check.csv")
    counted = pd.read_csv(figures / "paper" / "table_cost_per_operation.csv").set_index("operation")
    operations = counted["training"]
    visited = float(operations["learning updates"])
    energy = float(counted["training_energy_nj"].sum()) / 1000
    each = float(counted["training_energy_nj"]["learning updates"]) / 1000 / visited
    return {
        "name": "mnist", "source": "circuit", **_accuracy(percent.potential_percent),
        "samples": 60_000 * int(percent.epochs.iloc[0]),
        "spikes": round(float(operations["active updates"]), 3),
        "synaptic_operations": round(float(operations["synaptic operations"]), 3),
        "learning_updates": round(visited, 3),
        "energy_uj": round(energy, 3),
        "energy_all_uj": round(
            energy + each * (_CIRCUIT_SYNAPSES * _CIRCUIT_STEPS - visited), 3
        ),
    }  # fmt: skip


def _beyond(figures: Path) -> list[dict[str, Any]]:
    """Return the circuit's other models: by potential, costs from `analysis.circuit_costs`."""
    costs = pd.read_csv(figures / "learning" / "circuit_costs.csv").set_index("model")
    rows = [_feedback(figures)]
    for model in ("mnist_fine", "mnist_fine_graded", "mnist_direct_feedback"):
        file = figures / "learning" / f"{model}.csv"
        if file.exists():
            rows.append(_trained(model, pd.read_csv(file)))
    return [row | costs.loc[row["name"], list(_COSTS)].to_dict() for row in rows]


def _trained(model: str, table: pd.DataFrame) -> dict[str, Any]:
    return {
        "name": model, "source": str(table.engine.iloc[0]), **_accuracy(table.potential_percent),
        "samples": 60_000 * int(table.epoch.iloc[0]),
    }  # fmt: skip


def _feedback(figures: Path) -> dict[str, Any]:
    table = pd.read_csv(figures / "variants" / "table_variants.csv")
    row = table[(table.dataset == "mnist") & (table.variant == "feedback_alignment")].iloc[0]
    return {
        "name": "mnist_feedback_alignment", "source": str(row.engine), "seeds": int(row.seeds),
        "percent": row.potential, "percent_worst": row.potential_lowest,
        "percent_best": row.potential_highest, "samples": 60_000 * int(row.epochs),
    }  # fmt: skip


@applied()
def draw(table: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the test error of each, with its range, and the energy of a sample beside it."""
    panels = in_grid(axes, 1, 2, SINGLE_COLUMN, 82, sharey=True, width_ratios=(3, 2))
    error, energy = panels
    places = range(len(table))[::-1]
    ours = table.source != "rival"
    for of_ours, colour, label in ((True, "#0173b2", "circuit"), (False, "#de8f05", "rival")):
        rows = [k for k, one in enumerate(ours) if one == of_ours]
        some, at = table.iloc[rows], [places[k] for k in rows]
        middle = 100 - some.percent
        spread = [middle - (100 - some.percent_best), (100 - some.percent_worst) - middle]
        error.errorbar(
            middle, at, xerr=spread, fmt="o", ms=4, lw=1, color=colour, label=f"{label}, median"
        )
        counted = some.energy_uj.notna().to_numpy()
        spots = [place for place, one in zip(at, counted, strict=True) if one]
        energy.plot(some.energy_uj[counted], spots, "o", ms=4, color=colour)
    error.tick_params(axis="y", labelsize=6)
    names = [LABELS.get(name, name) for name in table.name]
    error.set_yticks(
        list(places), [f"{name} ({n})" for name, n in zip(names, table.seeds, strict=True)]
    )
    error.set(xlabel="test error (%)", xscale="log", xticks=[1, 3, 10, 30, 90], xlim=(0.9, 100))
    error.set_xticklabels(["1", "3", "10", "30", "90"])
    error.minorticks_off()
    energy.set(xlabel="energy of a\nsample (µJ)", xscale="log", xticks=[1, 10, 100], xlim=(1, 200))
    energy.set_xticklabels(["1", "10", "100"])
    error.plot([], [], color="0.3", lw=1, label="worst … best seed")
    panels.legend(error.get_legend_handles_labels()[0], ncols=3, fontsize=6)
    return panels.figure


@command("rivals")
def main(arguments: Sequence[str] | None = None) -> None:
    """Write table and picture."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of runs")
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="committed tables")
    parser.add_argument("--out", type=Path, default=Path("figures/learning"))
    options = parser.parse_args(arguments)
    table = numbers([read_summary(run) for run in options.runs], options.figures)
    save(draw(table), table, options.out, NAME)


if __name__ == "__main__":
    sys.exit(main())
