"""The table of docs/performance.md beside other simulators: ``python -m analysis.peers FOLDER``.

FOLDER is where ``synfire-bp bench --peers`` left its result.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from synfire_bp.bench.peers import RESULT, PeerBench
from synfire_bp.errors import SynfireError, at_a_shell
from synfire_bp.files import csv_bytes, make_folder, read_json, write_atomically

__all__ = ["COLUMNS", "TABLE", "main", "rows"]

TABLE = "peers.csv"
COLUMNS = (
    "task", "contender", "round", "times_ours", "ms", "samples", "outcome", "versions", "cpu",
    "blas",
)  # fmt: skip


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis.peers", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the result")
    parser.add_argument("--out", type=Path, default=Path("figures/bench"))
    options = parser.parse_args(arguments)
    try:
        bench = read_json(
            PeerBench, options.folder / RESULT,
            missing="no such benchmark", whole="a benchmark of this version",
            anew="make it anew with: synfire-bp bench --peers",
        )  # fmt: skip
        make_folder(options.out)
        write_atomically(options.out / TABLE, csv_bytes(list(rows(bench)), COLUMNS))
    except SynfireError as error:
        print(f"peers: {error}", file=sys.stderr)
        return 1
    print(options.out / TABLE)
    return 0


def rows(bench: PeerBench) -> Iterator[dict[str, object]]:
    """Yield a row for each round of each contender; one without a time for who did not run."""
    for task, costs in bench.tasks.items():
        for name, cost in costs.items():
            times = cost.times_ours.rounds if cost.times_ours else ()
            # a ratio is of its round only where no round was left out
            times = times if cost.ms and len(times) == len(cost.ms.rounds) else ()
            versions = ", ".join(f"{what} {version}" for what, version in cost.versions.items())
            for number, ms in enumerate(cost.ms.rounds if cost.ms else [""]):
                values = (
                    task, name, number if cost.ms else "", times[number] if times else "", ms,
                    cost.samples, cost.outcome, versions, bench.machine.cpu, bench.machine.blas,
                )  # fmt: skip
                yield dict(zip(COLUMNS, values, strict=True))


if __name__ == "__main__":
    sys.exit(main())
