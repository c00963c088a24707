"""The table of ``bench --variants``: ``python -m analysis.variant_costs RUNS/bench``.

Writes `variants.csv` among the figures of the benchmark; `python -m analysis.prose` puts it into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synfire_bp.bench.variants import RESULT
from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.files import reason

from .shared.output import save_csv

__all__ = ["TABLE", "main", "numbers"]

TABLE = "variants.csv"


def numbers(bench: dict[str, Any]) -> pd.DataFrame:
    """Return one row per model and round of a benchmark of variants: its time, and over plain."""
    rows = []
    for model, cost in bench["costs"].items():
        ratios = (cost["times_plain"] or {"rounds": len(cost["ms"]["rounds"]) * [None]})["rounds"]
        rows += [
            {"model": model, "plain": bench["plain"], "round": k, "ms": ms, "times_plain": ratio}
            for k, (ms, ratio) in enumerate(zip(cost["ms"]["rounds"], ratios, strict=True))
        ]
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("bench", type=Path, help=f"folder that holds {RESULT}")
    parser.add_argument("--out", type=Path, default=Path("figures/bench"))
    options = parser.parse_args(arguments)
    try:
        save_csv(options.out / TABLE, _read(options.bench / RESULT))
    except SynfireError as error:
        print(f"variant_costs: {error}", file=sys.stderr)
        return 1
    return 0


def _read(file: Path) -> pd.DataFrame:
    """Return the rows of a benchmark's file, or say that it holds none."""
    try:
        bench = json.loads(file.read_bytes())
        if not isinstance(bench, dict) or bench.get("schema") != 1:
            raise ValueError("it is no benchmark of variants, or of another version")
        table = numbers(bench)
        if table.empty or not {"plain", "ms"} <= set(table.columns) or table.ms.isna().any():
            raise ValueError("it holds no times")
        return table.astype({"ms": float, "times_plain": float})
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        said = reason(error) if isinstance(error, OSError) else str(error)
        raise RunDirectoryError(
            f"{file}: cannot be read ({said:.100}); make it with: synfire-bp bench mnist "
            f"--variants --out {file.parent}"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
