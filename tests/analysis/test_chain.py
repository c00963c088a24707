"""The synfire chain by itself: what lives, dies and spreads, and the figure of it."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.variants import chain_reliability
from analysis.variants.chain import DELAY, LINKS, Chain, Ring, reliability, simulate, volleys
from synfire_bp.errors import CircuitError

TURN = LINKS * DELAY


def test_a_pulse_lives_if_the_drive_is_right_and_dies_if_it_is_too_weak():
    table = reliability([Chain(16, 2.0, 1.0), Chain(16, 0.8, 1.0)], rings=3, turns=2, seed=1)
    assert table["died"].tolist() == [0, 3]
    assert table["spread"].tolist() == [0, 0]
    assert table["rate"][0] == pytest.approx(1000 / TURN, rel=0.2)  # a spike a turn


def test_strong_noise_starts_more_pulses():
    table = reliability([Chain(4, 4.0, 6.0)], rings=3, turns=2, seed=1)
    assert table["spread"].tolist() == [3]


def test_the_first_volley_is_a_pool_and_a_delay_later_the_next():
    ((ring,),) = simulate([Chain(8, 2.0, 0.0, delay_spread=0.0)], rings=1, turns=1)
    first, second = ring.time[ring.pool == 0], ring.time[ring.pool == 1]
    assert first.size == second.size == 8
    assert DELAY < second[0] - first[0] < DELAY + 2
    assert sorted(ring.neuron[:8]) == list(range(8))


def test_the_same_seed_gives_the_same_spikes():
    chains = [Chain(4, 2.0, 4.0, link_probability=0.5)]
    runs = [simulate(chains, rings=2, turns=1, seed=s) for s in (7, 7, 8)]
    same, other = ([np.array_equal(a.time, b.time) for a, b in zip(runs[0][0], run[0], strict=True)]
                   for run in runs[1:])  # fmt: skip
    assert all(same)
    assert not all(other)


def test_rings_do_not_hear_each_other():
    weak, strong = Chain(4, 0.5, 0.0), Chain(4, 3.0, 0.0)
    (dies,), (lives,) = simulate([weak, strong], rings=1, turns=1)
    assert set(dies.pool) == {0}
    assert set(lives.pool) == set(range(LINKS))


def test_half_of_a_pool_together_is_a_volley():
    ring = Ring(Chain(4), np.array([0, 1, 2, 0, 1, 4]), np.array([1.0, 2.0, 3.0, 50.0, 59.0, 60.0]))
    times = volleys(ring)
    assert times[0].tolist() == [1.0]
    assert all(found.size == 0 for found in times[1:])


@pytest.mark.parametrize(
    "wrong", [{"pool": 0}, {"pool": 4, "drive": 0.0}, {"pool": 4, "noise": -1.0},
              {"pool": 4, "link_probability": 1.5}]
)  # fmt: skip
def test_an_impossible_chain_is_refused(wrong):
    with pytest.raises(CircuitError, match="a chain "):
        Chain(**wrong)


def test_the_figure_draws_what_was_simulated(monkeypatch):
    for name, value in {"RINGS": 2, "TURNS": 1, "DRIVES": (0.8, 2.0), "POOLS": (2, 4),
                        "NOISES": (1.0, 3.0, 5.0), "OF_DRIVES": 4}.items():  # fmt: skip
        monkeypatch.setattr(chain_reliability, name, value)
    table = chain_reliability.numbers()
    assert table["panel"].value_counts()["drive"] == 6
    assert table["panel"].value_counts()["pool"] == 12
    assert set(table["example"].dropna()) == {"goes round", "dies", "spreads"}
    shares = table[table["panel"] != "spikes"]
    assert ((shares["died_low"] <= shares["died_percent"])
            & (shares["died_percent"] <= shares["died_high"])).all()  # fmt: skip
    figure = chain_reliability.draw(table)
    assert len(figure.axes) == 7
    dies = figure.axes[3]
    drawn = {line.get_label(): line.get_ydata() for line in dies.lines}
    expected = shares[(shares["panel"] == "drive") & (shares["noise"] == 3)]["died_percent"]
    assert list(drawn["3"]) == list(expected)
