"""The table of what a comparison with other emulators found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from peer_comparison import STUDIES, Compared

from analysis.chip.conformance import FILE, read

__all__ = ["TABLE", "row", "written"]

TABLE = Path(__file__).parents[3] / "figures" / FILE

KEY = ["emulator", "networks", "beyond"]


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


def written(file: Path, new: dict[str, object]) -> None:
    """Write a row into the table, in the place of an older one; in the order of the studies."""
    older = read(file).to_dict("records") if file.exists() else []
    order = [(study.peer, study.networks, study.beyond) for study in STUDIES]
    kept = {tuple(old[name] for name in KEY): old for old in older}
    kept[tuple(new[name] for name in KEY)] = new
    table = pd.DataFrame([kept[key] for key in order if key in kept], columns=list(new))
    table.to_csv(file, index=False)
