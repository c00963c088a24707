"""The tables of e-prop beside NEST: SYNFIRE_BP_NEST_PYTHON=… python tests/rivals/peers.

Writes eprop_nest_loss.csv and eprop_nest_weights.csv into figures/learning.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd

CHECKOUT = Path(__file__).parents[3]
sys.path.insert(0, str(CHECKOUT))  # for a checkout that is not installed

from nest_setup import NEST, nest_python  # noqa: E402
from nest_table import compared, evidence, pattern  # noqa: E402

from analysis.shared.output import save_csv  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("figures/learning"))
    parser.add_argument("--pattern", type=int, default=50, help="iterations of the pattern")
    parser.add_argument("--evidence", type=int, default=3, help="updates of evidence, 32 intervals")
    options = parser.parse_args()
    if nest_python() is None:
        print(f"set {NEST} to the interpreter of an environment with nest-simulator 3.10")
        return 1
    tasks = {
        "pattern": pattern(f"task.iterations={options.pattern}"),
        "evidence": evidence(f"task.iterations={options.evidence}"),
    }
    found = []
    for name, setup in tasks.items():
        with tempfile.TemporaryDirectory() as folder:
            found.append(compared(name, setup, Path(folder)))
        print(found[-1][0].tail(3).to_string(), found[-1][1].to_string(), sep="\n", flush=True)
    for place, file in enumerate(("eprop_nest_loss.csv", "eprop_nest_weights.csv")):
        save_csv(options.out / file, pd.concat([one[place] for one in found], ignore_index=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
