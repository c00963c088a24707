"""The study of renewed copies: its pairs, the difference that renewing makes, and its text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.chip import renewal
from synfire_bp.errors import RunDirectoryError

CHECKOUT = Path(__file__).parents[2]


def made(bits, kept, renewed, unequal):
    """Rows of pairs of trainings: accuracy in the last of two epochs by way, and copies."""
    rows = []
    for seed, pair in enumerate(zip(kept, renewed, strict=True)):
        for way, last in zip(("kept", "renewed"), pair, strict=True):
            for epoch, accuracy in ((1.0, 50.0), (2.0, last)):
                rows.append(
                    {"bits": bits, "seed": seed, "way": way, "epoch": epoch,
                     "accuracy_argmax": accuracy - 1, "accuracy_potential": accuracy,
                     "unequal_weights": unequal, "unequal_percent": unequal / 10,
                     "stray_spikes": 0, "samples": 100, "model": "small", "sizes": "4-4-2"}
                )  # fmt: skip
    return pd.DataFrame(rows)


def test_trainings_come_in_pairs_that_differ_in_the_protocol_alone():
    tasks = {task.name: task for task in renewal.plan()}
    assert len(tasks) == 2 * len(renewal.BITS) * len(renewal.SEEDS)
    for name, task in tasks.items():
        if "-kept-" in name:
            other = tasks[name.replace("-kept-", "-renewed-")]
            kept, renewed = task.experiment.decisive(), other.experiment.decisive()
            assert renewed.pop("training.renew_copies") is True
            assert kept == renewed
            assert kept["hardware.symmetric"] is False


def test_what_renewing_adds_is_the_mean_of_paired_differences_with_its_interval():
    row = renewal.summary(made(7, [60.0, 70.0, 80.0], [63.0, 71.0, 85.0], 900)).iloc[0]
    added = np.array([3.0, 1.0, 5.0])
    half = 4.302653 * added.std(ddof=1) / np.sqrt(3)  # t of 2 degrees of freedom, 97.5 %
    assert row["potential_added"] == pytest.approx(3)
    assert (row["potential_low"], row["potential_high"]) == pytest.approx((3 - half, 3 + half))
    assert (row["potential_kept"], row["potential_renewed"]) == (70, 71)
    assert not row["same"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (made(8, [95.0, 94.0], [95.0, 94.0], 0), "the same to the bit"),
        (made(7, [60.0, 70.0], [63.0, 69.0], 900), "not distinguishable from 0"),
        (made(7, [60.0, 70.0], [66.0, 76.1], 900), "by potential (distinguishable from 0)"),
        (made(7, [60.0], [66.0], 900), "a single pair, so nothing is known of other seeds"),
    ],
)
def test_the_text_says_what_can_be_told_and_what_cannot(table, words):
    assert words in renewal.text(table)


def test_without_a_pair_the_command_that_makes_them_is_named(tmp_path):
    with pytest.raises(RunDirectoryError, match=r"no pair.*python -m analysis\.chip\.renewal"):
        renewal.numbers(tmp_path)


def test_docs_hold_the_text_of_the_committed_table():
    page = (CHECKOUT / "docs" / "chip.md").read_text(encoding="utf-8")
    _, _, rest = page.partition(renewal.BEGIN)
    inside, _, _ = rest.partition(renewal.END)
    table = pd.read_csv(CHECKOUT / "figures" / "chip" / "renewed_copies.csv")
    assert inside.strip() == renewal.text(table).strip()
