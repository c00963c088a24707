"""The fit of energy and time: the fast arithmetic is the model's, and it finds what is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synfire_bp.circuit import backprop_circuit, inference_circuit
from synfire_bp.errors import HardwareError
from synfire_bp.loihi import energy as model
from synfire_bp.loihi import fitting
from synfire_bp.loihi.authors import PLACEMENTS
from synfire_bp.loihi.parameters import FITTED_NAMES, RANGES, Parameters

SIZES = (40, 60, 10)
SAMPLES = 10
STATED = Parameters(
    visited=0.3, static_power=0.01, management=2e-5, prelearning=3e-6, host=4e-6,
    learning_joules=1e-10, synaptic_seconds=2e-9,
)  # fmt: skip


def circuits():
    return backprop_circuit(SIZES), inference_circuit(SIZES)


def counts_of(circuit):
    """Spikes that such a network could have, of ten samples."""
    counts = {name: np.zeros(12) for name in circuit.population_sizes}
    for k in range(12):
        counts[f"g{k}"][(k - 1) % 12] = SAMPLES
    counts["input"][0] = 12 * SAMPLES
    counts["x"][[1, 7, 11]] = 12 * SAMPLES
    counts["h"][[2, 5, 9]] = 15 * SAMPLES
    counts["h"][7] = 4 * SAMPLES
    counts["hT"][5] = 15 * SAMPLES
    counts["o"][3] = SAMPLES
    counts["oT"][5] = 2 * SAMPLES
    return counts


@pytest.fixture(scope="module", params=["own", "authors"])
def scene(request):
    """Placements of both circuits, spikes, and the workload made of them."""
    training, inference = (PLACEMENTS[request.param](circuit) for circuit in circuits())
    counts = counts_of(training.circuit)
    return training, inference, counts, fitting.Workload.of(training, inference, counts, SAMPLES)


def test_the_fast_arithmetic_gives_what_the_energy_model_gives(scene):
    training, inference, counts, workload = scene
    forward = model.forward_counts(inference.circuit, counts, SAMPLES)
    for parameters in (Parameters(), Parameters(visited=1.0), STATED):
        for placement, spikes, outcome in zip(
            (training, inference), (counts, forward), workload.outcomes(parameters).values(),
            strict=True,
        ):  # fmt: skip
            counted = model.operations(
                placement.circuit, spikes, placement, SAMPLES, visits=parameters.visited
            )
            expected = model.energy(counted, placement, parameters.table())
            assert outcome.dynamic == pytest.approx(expected.dynamic_joules)
            assert outcome.joules == pytest.approx(expected.joules)
            assert outcome.seconds == pytest.approx(expected.seconds)


def test_terms_besides_the_operations_are_added_once_a_step_or_a_sample(scene):
    training, _, counts, _ = scene
    counted = model.operations(training.circuit, counts, training, SAMPLES)
    bare = model.energy(counted, training)
    table = model.EnergyTable(
        management=(1e-9, 1e-6), prelearning=(2e-9, 3e-6), host=(5e-9, 7e-6), static_power=0.1
    )
    full = model.energy(counted, training, table)
    assert full.seconds == pytest.approx(bare.seconds + 12 * (1e-6 + 3e-6) + 7e-6)
    assert full.managing_joules == pytest.approx(12 * (1e-9 + 2e-9) + 5e-9)
    assert full.dynamic_joules == pytest.approx(bare.dynamic_joules)
    assert full.joules == pytest.approx(
        bare.joules + full.managing_joules + 0.1 * full.seconds
    )  # fmt: skip
    assert full.terms.joules.sum() == pytest.approx(full.joules)


def test_a_fit_finds_the_parameters_that_made_the_numbers(scene, monkeypatch):
    *_, workload = scene
    true = Parameters(visited=0.6, static_power=0.005, management=3e-5)
    monkeypatch.setattr(fitting, "measured", lambda: workload.values(true))
    for one in fitting.leave_one_out(workload):
        if one.predicted not in ((), ("training time",)):
            continue  # the others leave something open
        for name in FITTED_NAMES:
            expected = getattr(true, name)
            assert getattr(one.parameters, name) == pytest.approx(expected, rel=1e-3), name
        assert workload.ratios(one.parameters) == pytest.approx(
            dict.fromkeys(fitting.QUANTITIES, 1), rel=1e-3
        )


def test_what_is_not_fitted_stays_as_it_is_given(scene):
    *_, workload = scene
    start = replace(Parameters(), host=1e-5, learning_joules=2e-10)
    found = fitting.fit(workload, fitting.QUANTITIES, start)
    assert replace(found, visited=0.0, static_power=0.0, management=0.0) == start
    for name in FITTED_NAMES:
        assert RANGES[name].low <= getattr(found, name) <= RANGES[name].high


def test_draws_lie_in_their_ranges_and_leave_the_fitted_parameters_alone():
    draws = list(fitting.drawn(16))
    assert draws == list(fitting.drawn(16))
    for name, of in RANGES.items():
        values = {getattr(one, name) for one in draws}
        if name in FITTED_NAMES:
            assert values == {0.0}
        else:
            assert len(values) == 16
            assert of.low <= min(values) < max(values) <= of.high


def test_a_band_is_a_pair_of_quantiles():
    values = [{"a": float(n)} for n in range(101)]
    assert fitting.band(values) == {"a": (5.0, 95.0)}


@pytest.mark.parametrize("used", [(), ("training energy", "weight")])
def test_a_fit_to_nothing_known_is_refused(scene, used):
    with pytest.raises(HardwareError, match="must be some of training energy"):
        fitting.fit(scene[-1], used)


def test_visits_go_from_coincidences_to_every_synapse():
    training, _ = (PLACEMENTS["own"](circuit) for circuit in circuits())
    circuit, counts = training.circuit, counts_of(training.circuit)
    updates = {
        visits: float(model.operations(circuit, counts, training, SAMPLES, visits=visits)
                      .learning_updates.sum())
        for visits in ("coincidences", "active", "all", 0.0, 0.25, 1.0)
    }  # fmt: skip
    # pairs that fire together: x and h in phase 7; h and hT, oT and hT are one projection each
    assert updates["coincidences"] == pytest.approx(12 * 4 + 2 * 15)
    assert updates["all"] == 12 * circuit.n_plastic_synapses
    assert updates["coincidences"] < updates["active"] < updates["all"]
    assert updates[0.0] == updates["coincidences"]
    assert updates[1.0] == updates["all"]
    assert updates[0.25] == pytest.approx(0.75 * updates[0.0] + 0.25 * updates[1.0])
    for wrong in (-0.1, 1.1, True, "some"):
        with pytest.raises(HardwareError, match="visits is"):
            model.operations(circuit, counts, training, SAMPLES, visits=wrong)
