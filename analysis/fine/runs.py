"""Make the runs of the study of the fine models: ``python -m analysis.fine.runs``.

What is finished is kept; what was stopped goes on from its checkpoint.  One bar shows the whole.
Exit code 0: the study is complete; 1: something failed, or it was stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from synfire_bp.files import make_folder

from ..shared.command import command
from ..shared.trainings import train_all
from .study import FOLDER, plan

__all__ = ["main"]


@command("fine_runs")
def main(arguments: Sequence[str] | None = None) -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.runs", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs", FOLDER), help="(runs/fine)")
    parser.add_argument("--only", default="", help="trainings whose name begins so")
    parser.add_argument("--engine", help="only trainings of this engine")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at the same time")
    options = parser.parse_args(arguments)
    tasks = [
        task
        for task in plan()
        if task.name.startswith(options.only) and options.engine in (None, task.engine)
    ]
    make_folder(options.runs, "cannot be used as the folder of the runs")
    train_all(tasks, options.runs, max(1, options.jobs))


if __name__ == "__main__":
    sys.exit(main())
