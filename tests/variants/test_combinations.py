"""Pieces that are exact alone are exact together: combinations are drawn, not chosen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.errors import SynfireError

PIECES = {
    "margin": ["errors.margin=128", "errors.margin=256", "errors.margin=384"],
    "box": ["errors.box=[-512, 1536]", "errors.box=[-256, 1280]"],
    "hidden_threshold": ["errors.hidden_threshold=30"],
    "graded": ["errors.graded=true"],
    "accumulator": [
        "learning.accumulator={fractions: [0.5, 0.25], epochs: 1}",
        "learning.accumulator={kind: loihi1, fractions: [1, 0.5], epochs: 1, every: 64}",
    ],
    "shift": ["dataset.augment={shift: 1}"],
    "eligibility": ["learning.eligibility={tau: 0}", "learning.eligibility={tau: 3, gain: 0.5}"],
    "reward": [
        "reward={answer: tried, wrong: 0}",
        "reward={answer: tried, wrong: 0, delay_samples: 1, expected: run}",
    ],
    "feedback": ["feedback=feedback_alignment", "feedback=kolen_pollack"],
    "hardware": ["hardware={chip: loihi1, symmetric: true}"],
    "spread": ["network.initial_spread=0.5"],
    "limit": ["network.weight_limit=126"],
    "deep": ["network.sizes=[36, 12, 9, 10]"],
}
"""Exact pieces, each with the settings that it is drawn from."""
SMALL = ["network.sizes=[36, 14, 10]", "dataset.crop=1"]  # a shift is at most the crop
FEWEST, MOST = 3, 6
WANTED = 5


def allowed(seed: int) -> Iterator[tuple[str, ...]]:
    """Yield combinations in the order in which they are drawn, without those that are refused."""
    rng = np.random.default_rng(seed)
    while True:
        names = rng.permutation(list(PIECES))[: rng.integers(FEWEST, MOST + 1)]
        changes = tuple(str(rng.choice(PIECES[name])) for name in names)
        try:
            sb.assemble(sb.Experiment.from_file("digits", [*SMALL, *changes]))
        except SynfireError:
            continue
        yield changes


def drawn(seed: int) -> list[tuple[str, ...]]:
    """Return the first combinations that can be built."""
    found = allowed(seed)
    return [next(found) for _ in range(WANTED)]


@pytest.mark.slow
@pytest.mark.parametrize("changes", drawn(20261127), ids=" ".join)
def test_a_random_combination_of_exact_pieces_is_exact(changes):
    experiment = sb.Experiment.from_file("digits", [*SMALL, *changes])
    found = sb.verify(experiment, samples=400, epochs=2)
    assert found.exact
    assert sum(row.learnt > 0 for row in found.projections) >= 2  # fixed feedback learns nothing
