"""Fill in the numbers of README.md and docs/: ``python -m analysis.prose [--check]``.

Exit code 0: all numbers are those of their tables; 1: some are not, or something has no table; 2:
the command is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from synfire_bp.errors import SynfireError, at_a_shell

from .definitions import REASONS
from .pages import Prose

__all__ = ["main"]

_NO_TABLE = (
    "A number without a table gets a mark, 96.6<!--=name-->, and a line in docs/numbers/PAGE.yaml "
    f"that says where it is from; or the page's facts say why it needs none: {', '.join(REASONS)}"
)


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Fill in or check all pages; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        description="Numbers in README.md and docs/ from the committed tables of figures/.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing, tell what differs")
    parser.add_argument("--root", type=Path, default=Path(), help="the clone (.)")
    options = parser.parse_args(arguments)
    try:
        prose = Prose(options.root)
        if not options.check:
            for file in prose.fill():
                print(file)
        problems = prose.problems()
    except SynfireError as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if any("no table" in problem for problem in problems):
        print(_NO_TABLE, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
