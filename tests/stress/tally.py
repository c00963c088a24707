"""What a stress test has tried, and what went wrong."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = ("what", "tried", "refused", "survived", "tracebacks", "hangs", "wrong")


@dataclass
class Tally:
    """Counts of one kind of attack."""

    what: str
    tried: int = 0
    refused: int = 0
    survived: int = 0
    tracebacks: int = 0
    hangs: int = 0
    wrong: int = 0
    faults: list[str] = field(default_factory=list)

    def note(self, outcome: str, about: str = "") -> None:
        """Count an outcome, one of the columns; say more of it if it is a fault."""
        self.tried += 1
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome in ("tracebacks", "hangs", "wrong"):
            self.faults.append(f"{self.what}: {outcome}: {about}")

    def row(self):
        return {name: getattr(self, name) for name in COLUMNS}


def write(tallies, file: Path) -> None:
    """Write a row per kind."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w", newline="", encoding="utf-8") as opened:
        table = csv.DictWriter(opened, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(tally.row() for tally in tallies)


def show(tallies) -> str:
    """Return the counts as a table, and every fault in a line."""
    rows = [COLUMNS, *(tuple(map(str, tally.row().values())) for tally in tallies)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
             for row in rows]  # fmt: skip
    return "\n".join([*lines, *(fault for tally in tallies for fault in tally.faults)])
