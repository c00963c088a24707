"""Make the runs of the study of the variants: ``python -m analysis.variants.runs``.

What is finished is kept; what was stopped goes on from its checkpoint.  One bar shows the whole.
Exit code 0: the study is complete; 1: something failed, or it was stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from synfire_bp.errors import SynfireError, at_a_shell
from synfire_bp.files import reason

from ..shared.trainings import train_all
from .study import FOLDER, SEEDS, plan

__all__ = ["main"]


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.runs", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs", FOLDER), help="(runs/variants)")
    parser.add_argument("--seeds", type=int, nargs="+", help=f"({_seeds()})")
    parser.add_argument("--engine", choices=list(SEEDS), help="only trainings of this engine")
    parser.add_argument("--only", default="", help="trainings whose name begins so")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at the same time")
    options = parser.parse_args(arguments)
    try:
        options.runs.mkdir(parents=True, exist_ok=True)
        tasks = plan(options.seeds, only=options.only, by=options.engine)
        train_all(tasks, options.runs, max(1, options.jobs))
        return 0
    except OSError as error:
        complaint: object = f"{options.runs}: {reason(error)}"
    except SynfireError as error:
        complaint = error
    except KeyboardInterrupt:
        complaint = "stopped; the same command goes on from here"
    print(f"variant_runs: {complaint}", file=sys.stderr)
    return 1


def _seeds() -> str:
    return ", ".join(f"{engine}: {min(seeds)} … {max(seeds)}" for engine, seeds in SEEDS.items())


if __name__ == "__main__":
    sys.exit(main())
