"""Kill, flip and mutate, and print a table: `make stress`, or python tests/stress --kills 200 …"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from flips import flips
from kills import kills
from mutated import mutated
from sweeps import killed_sweeps
from tally import Tally, show, write


def _killed_sweeps(n: int, folder: Path, seed: int) -> list[Tally]:
    return [killed_sweeps(n, folder, seed)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/stress", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--flips", type=int, default=500)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, help="a CSV file to write")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stress-"))
    tallies = []
    attacks = (
        (mutated, given.files),
        (flips, given.flips),
        (kills, given.kills - given.kills // 10),
        (_killed_sweeps, given.kills // 10),
    )
    for attack, n in attacks:
        begun = time.monotonic()
        if n:
            tallies += attack(n, folder / attack.__name__, given.seed)
        print(f"{attack.__name__}: {n} in {time.monotonic() - begun:.0f} s", flush=True)
    print(show(tallies))
    if given.table:
        write(tallies, given.table)
    return 1 if any(tally.faults for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
