"""Energy and time of a sample, fitted to the paper's measurements: four ratios and their bands.

Three parameters are fitted (`synfire_bp.loihi.parameters`): to all four measured numbers, then to
three of them, so that the fourth is predicted.  For the bands, the other parameters are drawn from
their ranges and the fit is repeated.  Everything follows from one committed table, the spikes of a
sample (`table_sparsity`)::

    python -m analysis table_cost_fit table_cost_parameters  # from the runs, as all tables
    python -m analysis.paper.cost_fit                        # from figures/paper/table_sparsity.csv
    python -m analysis.paper.cost_fit --into docs/chip.md    # the text, from both tables
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synfire_bp.circuit import backprop_circuit, inference_circuit
from synfire_bp.errors import SynfireError, at_a_shell
from synfire_bp.loihi.authors import PLACEMENTS
from synfire_bp.loihi.energy import MEASURED
from synfire_bp.loihi.fitting import (
    QUANTITIES,
    Fit,
    Workload,
    band,
    drawn,
    fit,
    leave_one_out,
    measured,
)
from synfire_bp.loihi.parameters import FITTED_NAMES, RANGES, Parameters
from synfire_bp.runs import write_atomically

from ..shared.entry import Entry
from ..shared.markdown import markdown, print_or_insert
from ..shared.output import needed_table
from .answers import sparsity
from .protocol import PAPER

__all__ = [
    "BEGIN",
    "CHOSEN",
    "END",
    "ENTRIES",
    "cost_fit",
    "cost_parameters",
    "main",
    "text",
    "workload_of",
]

BEGIN = "<!-- begin of the fit: python -m analysis.paper.cost_fit --into docs/chip.md -->"
END = "<!-- end of the fit -->"

_MAKE = "python -m analysis paper"
DRAWS = 64
"""For a band: how often the parameters that are not fitted are drawn."""
CHOSEN = "without training time"
"""The fit whose parameters are used elsewhere: the one number left out is predicted."""
_TWICE = "without training time, prelearning as long as management"
_NONE = (np.nan, np.nan)
_UNITS = {"energy": ("mJ", 1e3), "time": ("ms", 1e3)}
_PARAMETER_UNITS = {
    "visited": ("", 1.0), "static_power": ("mW", 1e3), "management": ("µs", 1e6),
    "prelearning": ("µs", 1e6), "host": ("µs", 1e6), "learning_joules": ("pJ", 1e12),
    "learning_seconds": ("ns", 1e9), "synaptic_joules": ("pJ", 1e12),
    "synaptic_seconds": ("ns", 1e9),
}  # fmt: skip


def workload_of(table: pd.DataFrame, placement: str) -> Workload:
    """Return the operations of a sample, from the table of spikes by population and phase.

    Parameters
    ----------
    table : DataFrame
        Of `analysis.paper.answers.sparsity`; its last interval is used.
    placement : {"own", "authors"}
        A way to place a circuit (`synfire_bp.loihi.authors.PLACEMENTS`).
    """
    sizes = table.drop_duplicates("population").set_index("population")["neurons"]
    widths = (int(sizes["x"]), int(sizes["h"]), int(sizes["o"]))
    training, inference = (
        PLACEMENTS[placement](make(widths)) for make in (backprop_circuit, inference_circuit)
    )
    circuit = training.circuit
    counts = {name: np.zeros(circuit.n_phases) for name in circuit.population_sizes}
    single = table[(table["population"] != "all") & (table["phase"].astype(str) != "all")]
    for row in single.to_dict("records"):
        counts[row["population"]][int(row["phase"])] = row["spikes_last"]
    return Workload.of(training, inference, counts, 1)


# ----------------------------------------------------------------------------------------------
# Tables
# ----------------------------------------------------------------------------------------------


def cost_fit(table: pd.DataFrame, draws: int = DRAWS) -> pd.DataFrame:
    """Return the model's values of the four numbers, for each placement and each fit.

    Parameters
    ----------
    table : DataFrame
        Of `analysis.paper.answers.sparsity`.
    draws : int
        For the bands, a power of two; 0: none.

    Returns
    -------
    DataFrame
        `placement` ("authors" or "own"), `cores` in training, `fit`, `quantity`, `used` ("fitted
        to", "predicted"; "-" where nothing was fitted), `measured`, `model` and `unit`, `ratio`
        (model over measured) with its band `ratio_low`, `ratio_high` (5 and 95 % of the draws),
        and of energies `dynamic` (the operations alone) and `other` (static power).
    """
    rows: list[dict[str, Any]] = []
    for placement in ("authors", "own"):
        workload = workload_of(table, placement)
        about = {"placement": placement, "cores": workload.training.cores}
        bands = _bands(workload, draws) if placement == "authors" else {}
        for name, used, parameters in _sets(workload, placement):
            four = _four(workload, name, used, parameters, bands.get(name))
            rows += [about | row for row in four]
    return _rounded(pd.DataFrame(rows))


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with seven digits: what a least-squares fit leaves beyond is noise."""
    return table.map(lambda cell: float(f"{cell:.7g}") if isinstance(cell, float) else cell)


def _sets(
    workload: Workload, placement: str
) -> Iterator[tuple[str, tuple[str, ...] | None, Parameters]]:
    """Yield sets of parameters, unfitted ones first: name, numbers used in the fit, parameters."""
    yield "operations alone, coincidences visited", None, Parameters()
    yield "operations alone, every synapse visited", None, Parameters(visited=1.0)
    fits = {_name(one): one for one in leave_one_out(workload)}
    for name, one in fits.items():
        if placement == "authors" or name in ("to all four", CHOSEN):
            yield name, one.used, one.parameters
    if placement == "authors":
        chosen = fits[CHOSEN]
        twice = replace(chosen.parameters, prelearning=chosen.parameters.management)
        yield _TWICE, chosen.used, twice


def _name(one: Fit) -> str:
    return f"without {one.predicted[0]}" if one.predicted else "to all four"


def _bands(workload: Workload, draws: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Return, by fit, the band of each ratio over the draws."""
    found: dict[str, list[dict[str, float]]] = {}
    for start in drawn(draws) if draws else ():
        for one in leave_one_out(workload, start):
            found.setdefault(_name(one), []).append(workload.ratios(one.parameters))
    return {name: band(values) for name, values in found.items()}


def _four(
    workload: Workload,
    name: str,
    used: tuple[str, ...] | None,
    parameters: Parameters,
    spread: dict[str, tuple[float, float]] | None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the four numbers with one set of parameters."""
    theirs, outcomes = measured(), workload.outcomes(parameters)
    for quantity, value in workload.values(parameters).items():
        mode, what = quantity.split()
        unit, scale = _UNITS[what]
        low, high = _NONE if spread is None else spread[quantity]
        dynamic = scale * outcomes[mode].dynamic if what == "energy" else np.nan
        yield {
            "fit": name, "quantity": quantity,
            "used": "-" if used is None else "fitted to" if quantity in used else "predicted",
            "measured": scale * theirs[quantity], "model": scale * value, "unit": unit,
            "ratio": value / theirs[quantity], "ratio_low": low, "ratio_high": high,
            "dynamic": dynamic, "other": scale * value - dynamic,
        }  # fmt: skip


def cost_parameters(table: pd.DataFrame, draws: int = DRAWS) -> pd.DataFrame:
    """Return the parameters in the authors' placement: range, value, and where it comes from.

    Returns
    -------
    DataFrame
        `parameter`, `unit`, `low` and `high` (its range), `value` in the fit `CHOSEN`, `how`
        ("fitted" or "kept"), `value_low` and `value_high` (5 and 95 % of the draws; fitted ones
        only), `to_all_four` (the value that the fit to all four numbers gives), `why` (the range),
        `runs` and `epoch` of the spikes.
    """
    workload = workload_of(table, "authors")
    used = [name for name in QUANTITIES if name != CHOSEN.removeprefix("without ")]
    chosen, every = fit(workload, used), fit(workload)
    anew = [vars(fit(workload, used, start)) for start in (drawn(draws) if draws else ())]
    spread = band(anew) if anew else {}
    rows = []
    for name, of in RANGES.items():
        unit, scale = _PARAMETER_UNITS[name]
        low, high = spread.get(name, _NONE) if name in FITTED_NAMES else _NONE
        rows.append(
            {
                "parameter": name, "unit": unit, "low": scale * of.low, "high": scale * of.high,
                "value": scale * getattr(chosen, name),
                "how": "fitted" if name in FITTED_NAMES else "kept",
                "value_low": scale * low, "value_high": scale * high,
                "to_all_four": scale * getattr(every, name), "why": of.why,
                "runs": int(table["runs"].iloc[0]), "epoch": float(table["epoch_last"].iloc[0]),
            }
        )  # fmt: skip
    cores = {
        "parameter": "cores", "low": workload_of(table, "own").training.cores,
        "high": workload.training.resources.cores, "value": workload.training.cores,
        "how": "kept", "to_all_four": workload.training.cores,
        "why": "from the fewest that hold the training network to all cores of the chip; the "
        "paper states 81",
    }  # fmt: skip
    return _rounded(pd.DataFrame([*rows, {**rows[0], "unit": "", "value_low": np.nan,
                                          "value_high": np.nan, **cores}]))  # fmt: skip


# ----------------------------------------------------------------------------------------------
# In words
# ----------------------------------------------------------------------------------------------


def text(fits: pd.DataFrame, parameters: pd.DataFrame) -> str:
    """Return tables and text about the fit as Markdown, from the two tables alone."""
    theirs = {
        str(name): _by("quantity", group)
        for name, group in fits[fits["placement"] == "authors"].groupby("fit", sort=False)
    }
    ours = fits[(fits["placement"] == "own") & (fits["fit"] == CHOSEN)]
    known = _by("parameter", parameters)
    some = known["visited"]
    rows = [
        [_label(name), *(_ratio(four[quantity]) for quantity in QUANTITIES)]
        for name, four in theirs.items()
    ]  # fmt: skip
    parts = [
        "Modelled value divided by measured value, in the authors' placement "
        f"({known['cores']['value']:.0f} cores). Spikes: mean of {some['runs']} runs at epoch "
        f"{some['epoch']:g}. **Bold**: predicted, not used in the fit. In brackets: 5th to 95th "
        "percentile of the ratio when the parameters that are not fitted are drawn from their "
        "ranges and the fit is repeated. This shows how much depends on unknown parameters; it is "
        "not a confidence interval. A ratio can lie outside its band, because some of the fixed "
        "parameters are at an end of their range (0, or the published minimum or maximum).",
        markdown(["fit", *QUANTITIES], rows),
        _energy_split(theirs[CHOSEN]),
        f"The parameters, with their values when fitted {CHOSEN}:",
        _parameter_table(known),
        "\n".join(_sentences(theirs, _by("quantity", ours), known)),
    ]
    return "\n\n".join(parts) + "\n"


_Rows = dict[str, dict[str, Any]]
"""A name to its row of a table: column to cell."""


def _by(column: str, table: pd.DataFrame) -> _Rows:
    """Return the rows of a table by the cells of a column."""
    rows: list[dict[str, Any]] = [
        {str(name): cell for name, cell in row.items()} for row in table.to_dict("records")
    ]
    return {row[column]: row for row in rows}


def _label(fit: str) -> str:
    """Return the name of a set of parameters as the page shows it."""
    return f"fitted {fit}" if fit.startswith(("to ", "without ")) else fit


def _ratio(row: dict[str, Any]) -> str:
    ratio = f"{row['ratio']:.2f}"
    if row["used"] == "predicted":
        ratio = f"**{ratio}**"
    if np.isnan(row["ratio_low"]):
        return ratio
    return f"{ratio} ({row['ratio_low']:.2f} … {row['ratio_high']:.2f})"


def _energy_split(chosen: _Rows) -> str:
    parts = [
        f"{mode}, {row['dynamic']:.3g} mJ dynamic and {row['other']:.2g} mJ static, "
        f"{row['model']:.3g} mJ in all"
        for mode in MEASURED
        for row in [chosen[f"{mode} energy"]]
    ]
    return f"Energy of a sample, fitted {CHOSEN}: {'; '.join(parts)}."


def _parameter_table(known: _Rows) -> str:
    rows = []
    for name, row in known.items():
        spread = f" ({row['value_low']:.3g} … {row['value_high']:.3g})"
        rows.append(
            [
                name.replace("_", " "), "fixed" if row["how"] == "kept" else row["how"],
                f"{row['value']:.3g}{spread if row['how'] == 'fitted' else ''}",
                f"{row['low']:.3g} … {row['high']:.3g}",
                "" if pd.isna(row["unit"]) else row["unit"], row["why"],
            ]
        )  # fmt: skip
    return markdown(["parameter", "", "value (band)", "range", "unit", "why this range"], rows)


def _sentences(theirs: dict[str, _Rows], ours: _Rows, known: _Rows) -> Iterator[str]:
    ratio = {
        name: {quantity: float(row["ratio"]) for quantity, row in four.items()}
        for name, four in theirs.items()
    }
    bare = theirs["operations alone, coincidences visited"]
    missing, lacking = (
        1e-3 * (bare[f"{mode} energy"]["measured"] - bare[f"{mode} energy"]["dynamic"])
        for mode in ("training", "inference")
    )
    enough = lacking / MEASURED["inference"].seconds
    supplied = enough * MEASURED["training"].seconds / missing
    visited = known["visited"]
    yield (
        "- *Static power does not explain the gap* between operations alone and measurement. In "
        f"inference a static power of {1e3 * enough:.1f} mW closes it; in training the same power "
        f"closes {100 * supplied:.0f} % of it. The rest must be dynamic: the learning engine must "
        "visit a large share of all synapses in each step, "
        f"{100 * visited['value']:.0f} % at the published cost of a visit, "
        f"{100 * visited['value_low']:.0f} to {100 * visited['value_high']:.0f} % over the ranges "
        "of the unknown parameters."
    )
    four = ratio["to all four"].values()
    yield (
        f"- *All four within a factor of 2*: fitted to all four, the ratios lie between "
        f"{min(four):.2f} and {max(four):.2f}; fitted to the other three, the model predicts "
        f"{ratio[CHOSEN]['training time']:.2f} times the measured training time."
    )
    others = ", ".join(
        f"{quantity} {ratio[f'without {quantity}'][quantity]:.2f}"
        for quantity in QUANTITIES
        if f"without {quantity}" != CHOSEN
    )
    yield (
        "- *The other numbers*, each left out in turn, are predicted with these ratios of model "
        f"to measurement: {others}. Inference energy cannot be predicted from the other three, "
        "because it alone determines the static power."
    )
    yield (
        "- *A second management phase in each step of the training circuit*, as long as the "
        f"first, would bring training time to {ratio[_TWICE]['training time']:.2f} times the "
        "measured one, without fitting to it. The authors' code prints the share of such a phase, "
        "but we found no published value, so this is a guess that fits."
    )
    yield (
        "- *The number of cores matters*: in our own placement "
        f"({ours['training time']['cores']} cores) the same fit gives "
        f"{ours['training time']['ratio']:.2f} times the measured training time."
    )


# ----------------------------------------------------------------------------------------------
# Entries and command
# ----------------------------------------------------------------------------------------------

ENTRIES = (
    Entry(
        name="table_cost_fit",
        group=PAPER,
        title="Energy and time of a sample: fitted and predicted",
        caption="Modelled value divided by measured value for the paper’s four numbers, from "
        "operations alone and with three parameters fitted (visits of the learning engine, static "
        "power, management time of a step), in the authors’ placement and in ours. ‘Predicted’ "
        "numbers were not used in that fit. Bands: 5th to 95th percentile when the parameters that "
        "are not fitted are drawn from their ranges.",
        element="Table 1, energy and latency",
        numbers=lambda runs: cost_fit(sparsity(runs)),
    ),
    Entry(
        name="table_cost_parameters",
        group=PAPER,
        title="Parameters of energy and time, with their ranges",
        caption=f"In the authors’ placement, fitted {CHOSEN}. Parameters that are kept have their "
        "published value, or are left out (0).",
        numbers=lambda runs: cost_parameters(sparsity(runs)),
    ),
)


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Make both tables from that of the spikes, or write their text; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.cost_fit",
        description="Fit energy and time of a sample to the paper's measurements: make the tables "
        "from the committed table of spikes, or, with --into, put their text into a page.",
    )
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="(figures)")
    parser.add_argument("--into", type=Path, help="Markdown file with the two comments")
    options = parser.parse_args(arguments)
    folder = options.figures / PAPER
    tables = [folder / f"{entry.name}.csv" for entry in ENTRIES]
    if options.into is not None:
        return print_or_insert(
            lambda: text(*(needed_table(file, _MAKE) for file in tables)), options.into, BEGIN, END
        )
    try:
        spikes = needed_table(folder / "table_sparsity.csv", _MAKE)
        for file, made in zip(tables, (cost_fit, cost_parameters), strict=True):
            content = made(spikes).to_csv(index=False, lineterminator="\n")
            write_atomically(file, content.encode())
            print(file)
    except SynfireError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
