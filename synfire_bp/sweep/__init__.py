"""Many trainings: definition, designs, execution, tables.

Code that needs Dask or pyarrow (the extra `sweep`) is imported only when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synfire_bp.moved import lazily
from synfire_bp.sweep.definition import RECORDS, Sweep, list_sweeps
from synfire_bp.sweep.designs import (
    PlannedRun,
    describe,
    planned_runs,
    salib_problem,
    unit_points,
    varied,
)
from synfire_bp.sweep.keys import SEED, override
from synfire_bp.sweep.pool import Crew, Ended, work_through
from synfire_bp.sweep.processes import Command, Processes, samples_done, training_command
from synfire_bp.sweep.sections import DesignSection, Parameter

if TYPE_CHECKING:
    from synfire_bp.sweep.columns import VOLATILE
    from synfire_bp.sweep.execution import Estimate, SweepResult, estimate, run_sweep
    from synfire_bp.sweep.store import SweepStore
    from synfire_bp.sweep.tables import read_definition, read_design, read_sweep

__all__ = [
    "Command",
    "Crew",
    "DesignSection",
    "Ended",
    "Estimate",
    "Parameter",
    "PlannedRun",
    "Processes",
    "RECORDS",
    "SEED",
    "Sweep",
    "SweepResult",
    "SweepStore",
    "VOLATILE",
    "describe",
    "estimate",
    "list_sweeps",
    "override",
    "planned_runs",
    "read_definition",
    "read_design",
    "read_sweep",
    "run_sweep",
    "salib_problem",
    "samples_done",
    "training_command",
    "unit_points",
    "varied",
    "work_through",
]

__getattr__ = lazily(
    __name__,
    {
        "VOLATILE": "columns",
        "Estimate": "execution",
        "SweepResult": "execution",
        "estimate": "execution",
        "run_sweep": "execution",
        "SweepStore": "store",
        "read_definition": "tables",
        "read_design": "tables",
        "read_sweep": "tables",
    },
)
