"""The table of docs/chip.md that compares the chip's emulation with other emulators.

Made from `figures/chip/conformance.csv`, which `python tests/loihi/peers` writes.  A row is a kind
of networks that was run here and in another emulator; `beyond` says where the two are known to
differ, and is empty where they agree by definition.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..shared.markdown import markdown

__all__ = ["BEGIN", "END", "FILE", "read", "table"]

BEGIN = "<!-- begin of the table: figures/chip/conformance.csv -->"
END = "<!-- end of the table of conformance -->"

FILE = "chip/conformance.csv"
_TEXTS = ("emulator", "networks", "beyond", "differ", "left_out", "version", "python", "numpy")


def read(file: Path) -> pd.DataFrame:
    """Return the rows of a file, versions and empty cells as text."""
    return pd.read_csv(file, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False)


def table(rows: pd.DataFrame) -> str:
    """Return the rows as Markdown: first networks that both define alike, then the others."""
    same, beyond = rows[rows["beyond"] == ""], rows[rows["beyond"] != ""]
    ran = "; ".join(
        f"{row['emulator']} {row['version']} with Python {row['python']} and NumPy {row['numpy']}"
        for _, row in same.drop_duplicates("emulator").iterrows()
    )
    parts = [
        _same(same),
        f"Versions: {ran}.",
        "Networks chosen where the two emulators are known to differ:",
        markdown(
            ["emulator, networks: where they differ", "equal"],
            [
                [f"{row['emulator']}, {row['networks']}: {row['beyond']}", _equal(row)]
                for _, row in beyond.iterrows()
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _same(rows: pd.DataFrame) -> str:
    heads = ["emulator, networks", "equal", "steps each", "cells", "spikes", "weights changed"]
    return markdown(
        heads,
        [
            [
                f"{row['emulator']}, {row['networks']}",
                _equal(row),
                f"{row['steps']}",
                *(f"{row[name]:,}" for name in ("cells", "spikes")),
                f"{row['changed_weights']:,}" if row["networks"] == "learning" else "",
            ]
            for _, row in rows.iterrows()
        ],
    )


def _equal(row: pd.Series) -> str:
    return f"{row['equal']} of {row['compared']}"
