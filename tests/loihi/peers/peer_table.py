"""The table of what a comparison with other emulators found, and its Markdown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from peer_comparison import STUDIES, Compared

from analysis.shared.markdown import markdown

__all__ = ["BEGIN", "END", "TABLE", "as_markdown", "read", "row", "written"]

TABLE = Path(__file__).parents[3] / "figures" / "chip" / "conformance.csv"
BEGIN = "<!-- begin of the conformance table: python tests/loihi/peers --into docs/chip.md -->"
END = "<!-- end of the conformance table -->"

KEY = ["emulator", "networks", "beyond"]
COUNTS = ["compared", "equal", "steps", "cells", "spikes", "changed_weights"]
TEXTS = ["differ", "left_out", "version", "python", "numpy"]


def row(found: Compared) -> dict[str, object]:
    """Return a comparison as a row of the table."""
    study = found.study
    changed = 0
    for net, ours in zip(found.nets, found.ours, strict=True):
        for n, projection in enumerate(net.projections):
            if projection.rule:
                held = np.array(projection.weights)
                changed += int(np.count_nonzero(ours[f"w{n}"] != held))
    names = sorted({name[0] if name[0] == "w" else name for d in found.differ for name in d})
    return {
        "emulator": study.peer,
        "networks": study.networks,
        "beyond": study.beyond,
        "compared": len(found.nets),
        "equal": found.equal,
        "steps": found.nets[0].steps,
        "cells": sum(sum(net.sizes) for net in found.nets),
        "spikes": sum(int(ours["spikes"].sum()) for ours in found.ours),
        "changed_weights": changed,
        "differ": " ".join(names),
        "left_out": "; ".join(f"{why}: {n}" for why, n in sorted(found.left_out.items())),
        "version": found.versions[study.peer],
        "python": found.versions["python"],
        "numpy": found.versions["numpy"],
    }


def read(file: Path) -> pd.DataFrame:
    """Return the table, or an empty one."""
    if not file.exists():
        return pd.DataFrame(columns=[*KEY, *COUNTS, *TEXTS])
    return pd.read_csv(file, dtype=dict.fromkeys([*KEY, *TEXTS], str)).fillna("")


def written(file: Path, rows: pd.DataFrame, new: dict[str, object]) -> pd.DataFrame:
    """Write and return the table with a row in the place of an older one; in the studies' order."""
    order = [(study.peer, study.networks, study.beyond) for study in STUDIES]
    kept = {tuple(old[name] for name in KEY): old for old in rows.to_dict("records")}
    kept[tuple(new[name] for name in KEY)] = new
    table = pd.DataFrame([kept[key] for key in order if key in kept], columns=list(new))
    table.to_csv(file, index=False)
    return table


def as_markdown(rows: pd.DataFrame) -> str:
    """Return the table as Markdown: first where both mean the same, then where they do not."""
    same, beyond = rows[rows["beyond"] == ""], rows[rows["beyond"] != ""]
    heads = ["emulator", "networks", "equal", "steps of each", "spikes in all", "weights changed"]
    first = [
        [
            f"{r.emulator} {r.version}", r.networks, f"{r.equal} of {r.compared}", f"{r.steps}",
            f"{r.spikes:,}", f"{r.changed_weights:,}" if r.networks == "learning" else "",
        ]
        for r in same.itertuples()
    ]  # fmt: skip
    second = [
        [f"{r.emulator}, {r.networks}: {r.beyond}", f"{r.equal} of {r.compared}"]
        for r in beyond.itertuples()
    ]
    ran = same.drop_duplicates("emulator")
    versions = "; ".join(
        f"{r.emulator} {r.version} by Python {r.python} with NumPy {r.numpy}"
        for r in ran.itertuples()
    )
    parts = [
        markdown(heads, first),
        f"Run: {versions}.",
        "Where the other emulator is known to differ, networks drawn there:",
        markdown(["beyond what both mean the same by", "equal"], second),
    ]
    return "\n\n".join(parts) + "\n"
