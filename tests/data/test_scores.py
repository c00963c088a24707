"""By spikes, by argmax and by potential: what each of them counts as right."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp.data.scores import Score


def score(*answers, labels, potentials=None):
    spikes = np.array(answers, dtype=bool)
    potentials = spikes.astype(int) if potentials is None else np.array(potentials)
    return Score.of(spikes, potentials, np.array(labels))


def test_a_silent_output_is_wrong_whatever_its_class():
    row = score([0, 0, 0], [0, 0, 0], labels=[0, 1]).row()
    assert (row["accuracy_spikes"], row["silent"]) == (0, 1)
    assert row["accuracy_argmax"] == 0.5  # silence reads as class 0


def test_a_guess_among_k_spiking_outputs_counts_one_kth():
    row = score([1, 1, 0], [1, 1, 1], [0, 1, 1], labels=[1, 0, 0]).row()
    assert row["accuracy_spikes"] == pytest.approx((1 / 2 + 1 / 3 + 0) / 3, rel=1e-15)
    assert row["accuracy_argmax"] == pytest.approx(1 / 3)  # the first that spikes


def test_an_answer_by_potential_does_not_ask_who_spiked():
    row = score([0, 0, 0], labels=[2], potentials=[[-5, -3, -1]]).row()
    assert (row["accuracy_potential"], row["accuracy_spikes"]) == (1, 0)


def test_outputs_that_answer_nothing_score_what_guessing_does():
    labels = np.arange(1000) % 10
    everything, nothing = np.ones((1000, 10), dtype=bool), np.zeros((1000, 10), dtype=bool)
    assert Score.of(everything, everything.astype(int), labels).row()["accuracy_spikes"] == 0.1
    assert Score.of(nothing, nothing.astype(int), labels).row()["accuracy_spikes"] == 0


@given(st.data())
def test_scores_of_parts_add_up_to_that_of_the_whole_and_to_a_sum_of_fractions(data):
    n_out = data.draw(st.integers(1, 5))
    outputs = st.lists(st.booleans(), min_size=n_out, max_size=n_out)
    answers = data.draw(st.lists(outputs, min_size=1, max_size=30))
    labels = [data.draw(st.integers(0, n_out - 1)) for _ in answers]
    cut = data.draw(st.integers(0, len(answers)))
    spikes = np.array(answers, dtype=bool)
    parts = [
        Score.of(spikes[part], spikes[part].astype(int), np.array(labels)[part])
        for part in (slice(cut), slice(cut, None))
    ]
    whole = Score.of(spikes, spikes.astype(int), np.array(labels))
    assert parts[0] + parts[1] == whole
    shares = [Fraction(int(o[c]), max(sum(o), 1)) for o, c in zip(answers, labels, strict=True)]
    assert whole.row()["accuracy_spikes"] == pytest.approx(float(sum(shares) / len(shares)))
    assert whole.exact == sum(o == [k == c for k in range(n_out)]
                              for o, c in zip(answers, labels, strict=True))  # fmt: skip
    assert whole.silent == sum(not any(o) for o in answers)
