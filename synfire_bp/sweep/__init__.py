"""Many trainings: definition, designs, execution, tables."""

from synfire_bp.sweep.definition import (
    RECORDS,
    SEED,
    DesignSection,
    Parameter,
    Sweep,
    list_sweeps,
    override,
)

__all__ = ["DesignSection", "Parameter", "RECORDS", "SEED", "Sweep", "list_sweeps", "override"]
