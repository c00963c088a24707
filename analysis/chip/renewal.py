"""All copies of the weights set anew each epoch, as the authors did, or kept: what it changes.

The authors set all eight matrices anew from W1 and W2 at the start of each epoch, so copies can
drift apart within one epoch alone (`training.renew_copies`).  Both ways learn on the emulated chip
with its own limits, with 8 weight bits and with fewer, in pairs of trainings with one seed that are
the same to the bit in the first epoch.

    python -m analysis.chip.renewal                       # the trainings, below runs/chip_renewal
    python -m analysis renewed_copies                     # the table, from the runs
    python -m analysis.chip.renewal --into docs/chip.md   # text and table, from the table
"""

from __future__ import annotations

from ..shared.trainings import Task

__all__ = ["FOLDER", "plan"]

FOLDER = "chip_renewal"
"""Folder of the trainings among the runs."""
MODEL = "mnist_loihi1"
SEEDS = (0, 1, 2)
EPOCHS = 5
BITS = (7, 4, 8, 6)


def plan() -> list[Task]:
    """Return the trainings, in pairs."""
    return [
        Task(f"bits{bits}-{way}-seed{seed}", MODEL, "circuit", changes, keep_going=True)
        for bits in BITS
        for seed in SEEDS
        for way, renewed in (("kept", "false"), ("renewed", "true"))
        for changes in [
            (
                f"hardware.weight_bits={bits}", f"training.renew_copies={renewed}",
                f"training.epochs={EPOCHS}", "training.evaluate_every=1",
                f"training.seed={seed}",
            )
        ]
    ]  # fmt: skip
