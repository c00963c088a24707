"""Tables of the chip: what a sample costs by phase and by operation, and what the circuit fills.

Energy and time are modelled: operations counted from the spikes of our runs, times a table of
costs (`synfire_bp.loihi.energy`).  What the operations leave out: `analysis.paper.cost_fit`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from synfire_bp.loihi.authors import place_as_authors
from synfire_bp.loihi.energy import OPERATIONS
from synfire_bp.loihi.placement import LIMITS, learns

from .reported import read_reported
from .results import MODES, chip_costs, mnist_runs

__all__ = ["cost_per_operation", "cost_per_phase", "resources"]


def cost_per_phase(runs: Path) -> pd.DataFrame:
    """Return energy and time of a sample by phase, modelled, and what the paper measured.

    Returns
    -------
    DataFrame
        `mode`, `phase` (0 …, "all", "paper"), `meaning`, operations of a sample
        (`synaptic_operations`, `learning_updates`, `spikes_in_tile`), `energy_nj` and `time_us`
        with their shares of the sample, `costs` ("modelled" or "reported").  Means over the seeds.

    Raises
    ------
    RunDirectoryError
        If there is no finished run.
    HardwareError
        If the runs' circuit does not fit the chip.
    """
    chip, paper = chip_costs(mnist_runs(runs)), read_reported()
    counted = ["synaptic_operations", "learning_updates", "spikes_in_tile"]
    tables = []
    for mode in MODES:
        phases = chip.phases(mode)
        meanings = [phase.meaning for phase in chip.circuit(mode).phases]
        table = pd.DataFrame({"mode": mode, "phase": phases.index.astype(str), "meaning": meanings})
        table[counted] = phases[counted].to_numpy()
        table["energy_nj"] = 1e9 * phases["joules"].to_numpy()
        table["energy_percent"] = 100 * table["energy_nj"] / table["energy_nj"].sum()
        table["time_us"] = 1e6 * phases["seconds"].to_numpy()
        table["time_percent"] = 100 * table["time_us"] / table["time_us"].sum()
        table["costs"] = "modelled"
        numbers = table.select_dtypes("number").sum()
        total = {
            "mode": mode,
            "phase": "all",
            "meaning": "a sample",
            "costs": "modelled",
            **numbers,
        }
        measured = {
            "mode": mode, "phase": "paper", "meaning": "a sample, measured on the chip",
            "energy_nj": 1e6 * paper.value(f"table1.{mode}.renner2024.energy"),
            "time_us": 1e3 * paper.value(f"table1.{mode}.renner2024.latency"),
            "costs": "reported",
        }  # fmt: skip
        tables.append(pd.concat([table, pd.DataFrame([total, measured])]))
    return pd.concat(tables, ignore_index=True)


def cost_per_operation(runs: Path) -> pd.DataFrame:
    """Return the energy of a sample by kind of operation, modelled.

    Returns
    -------
    DataFrame
        `operation`; per mode the number in a sample, `energy_nj` and its share.  Means over the
        seeds.  Operations alone: what they leave out is in `analysis.paper.cost_fit`.

    Raises
    ------
    RunDirectoryError
        If there is no finished run.
    HardwareError
        If the runs' circuit does not fit the chip.
    """
    chip = chip_costs(mnist_runs(runs))
    table = pd.DataFrame({"operation": [name.replace("_", " ") for name in OPERATIONS]})
    for mode in MODES:
        terms = chip.terms(mode).loc[list(OPERATIONS)]
        joules = terms["joules"].to_numpy()
        table[mode] = terms["operations"].to_numpy()
        table[f"{mode}_energy_nj"] = 1e9 * joules
        table[f"{mode}_energy_percent"] = 100 * joules / joules.sum()
    return table


def resources(runs: Path) -> pd.DataFrame:
    """Return neurons, synapses and cores of both circuits, beside the paper where it says.

    Returns
    -------
    DataFrame
        `what`, `training`, `inference`, `chip` (what one chip has), `paper` (missing where
        no number of the paper is known to us).

    Raises
    ------
    RunDirectoryError
        If there is no finished run.
    HardwareError
        If the runs' circuit does not fit the chip.
    """
    chip, paper = chip_costs(mnist_runs(runs)), read_reported()
    sides = (chip.training, chip.inference)
    has = chip.training.resources
    rows: list[tuple] = []
    for place, name in enumerate(("inputs", "hidden", "outputs")):
        size, theirs = chip.circuit("training").sizes[place], paper.value(f"protocol.{name}")
        rows.append((name if name != "hidden" else "hidden units", size, size, np.nan, theirs))
    ours = [chip.circuit(mode).n_phases for mode in MODES]
    steps = [paper.value(f"protocol.steps_{mode}") for mode in MODES]
    rows.append(("time steps, training sample", ours[0], np.nan, np.nan, steps[0]))
    rows.append(("time steps, inference sample", np.nan, ours[1], np.nan, steps[1]))
    plastic = [side.circuit.n_plastic_synapses for side in sides]
    counts = {
        "neurons": [side.circuit.n_neurons for side in sides],
        "synapses of weight matrices": plastic,
        "of these learning": [
            n if learns(side.circuit) else 0 for n, side in zip(plastic, sides, strict=True)
        ],
        "fixed synapses": [side.circuit.n_fixed_synapses for side in sides],
    }
    rows += [(name, *count, np.nan, np.nan) for name, count in counts.items()]
    rows.append(("cores", *(side.n_cores for side in sides), has.cores, np.nan))
    spread = (place_as_authors(side.circuit).n_cores for side in sides)
    stated = paper.value("text.cores_training")
    rows.append(("cores, placed as the authors did", *spread, has.cores, stated))
    rows.append(("tiles", *(side.n_tiles for side in sides), has.tiles(has.cores), np.nan))
    for limit, of_core in zip(LIMITS, has.limits, strict=True):
        memory = limit == "synaptic memory"
        unit = 8 * 1024 if memory else 1  # bits
        used = [float(side.utilisation["used"][limit]) / unit for side in sides]
        name = f"{limit} (KB)" if memory else limit
        rows.append((name, *used, has.cores * of_core / unit, np.nan))
    columns = ["what", "training", "inference", "chip", "paper"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))
