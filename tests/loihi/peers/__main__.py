"""Compare with other emulators of the chip, and write what is found.

    python tests/loihi/peers [--peer NAME …] [--count 50] [--out FILE]

Rows of emulators that are not run stay as they are in the table, from which `make prose` makes that
of docs/chip.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
sys.path.insert(0, str(CHECKOUT))  # for a checkout that is not installed

from peer_comparison import PEERS, STUDIES, compare, interpreter  # noqa: E402
from peer_table import TABLE, row, written  # noqa: E402

BEYOND = 10
"""Networks of a study beyond the range where both mean the same."""


def main() -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python tests/loihi/peers", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--peer", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--count", type=int, default=50, help="networks of each kind (50)")
    parser.add_argument("--out", type=Path, default=TABLE, help="the table")
    options = parser.parse_args()
    if missing := [name for name in options.peer if interpreter(PEERS[name]) is None]:
        for name in missing:
            print(f"{name} is not installed; or set {PEERS[name].variable}", file=sys.stderr)
        return 1
    for study in STUDIES:
        if study.peer not in options.peer:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = compare(study, BEYOND if study.beyond else options.count, Path(folder))
        written(options.out, row(found))
        what = f"{study.peer}, {study.networks}" + f", beyond: {study.beyond}" * bool(study.beyond)
        print(f"{what}: {found.equal} of {len(found.nets)} equal", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
