"""Sweep files and designs: what they mean, and what is refused with which words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweep_scenes import write_scene

from synfire_bp.errors import SweepError
from synfire_bp.model import Experiment, assemble
from synfire_bp.sweep import (
    DesignSection,
    Parameter,
    Sweep,
    checks,
    counting,
    designs,
    list_sweeps,
    planned_runs,
    sections,
    unit_points,
)
from synfire_bp.sweep.checks import refuse_unfit

pytest.importorskip("SALib")

BASE = """\
name: x
model: digits
parameters:
  network.sizes[1]: {low: 10, high: 400, integer: true, log: true}
  network.weight_limit: {low: 64, high: 254, multiple_of: 2}
  dataset.threshold: {low: 0.3, high: 0.7}
design: {kind: saltelli, samples: 8, seed: 1}
"""


def complaint(text):
    with pytest.raises(SweepError) as refused:
        Sweep.from_yaml(text)
    return str(refused.value)


# ---------------------------------------------------------------- what is varied


def test_every_run_of_a_saltelli_design_sets_what_the_file_names():
    sweep = Sweep.from_yaml(BASE)
    runs = planned_runs(sweep)
    assert len(runs) == 8 * (3 + 2)
    assert [run.run for run in runs] == list(range(len(runs)))
    for run in runs:
        experiment = run.experiment(sweep.base)
        assert experiment.network.sizes == (64, run.values["network.sizes[1]"], 10)
        assert 10 <= experiment.network.sizes[1] <= 400
        assert experiment.network.weight_limit == run.values["network.weight_limit"]
        assert experiment.network.weight_limit % 2 == 0
        assert experiment.dataset.threshold == run.values["dataset.threshold"]
    assert len({run.values["network.sizes[1]"] for run in runs}) > 10


def test_seeds_are_innermost_and_share_a_point():
    sweep = Sweep.from_yaml(BASE.replace("saltelli, samples: 8", "random, samples: 4")
                            + "seeds: [5, 9]\n")  # fmt: skip
    runs = planned_runs(sweep)
    assert [run.experiment(sweep.base).training.seed for run in runs] == [5, 9] * 4
    assert [run.point for run in runs] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert runs[0].values == runs[1].values != runs[2].values


def test_a_grid_has_every_combination_and_levels_set_several_keys():
    sweep = Sweep.from_yaml("""\
name: x
model: mnist
parameters:
  crop:
    levels:
      0: {dataset.crop: 0, "network.sizes[0]": 784}
      4: {dataset.crop: 4, "network.sizes[0]": 400}
  dataset.threshold: [0.4, 0.5, 0.6]
  network.weight_limit: {low: 64, high: 254, multiple_of: 2, steps: 2}
design: {kind: grid}
""")
    runs = planned_runs(sweep)
    assert len(runs) == 2 * 3 * 2
    assert {run.values["network.weight_limit"] for run in runs} == {64, 254}
    sizes = {run.values["crop"]: run.experiment(sweep.base).network.sizes for run in runs}
    assert sizes == {0: (784, 400, 10), 4: (400, 400, 10)}


def test_a_number_in_the_rule_can_be_varied():
    sweep = Sweep.from_yaml("""\
name: x
model: digits
parameters:
  step:
    key: learning.rule
    values: [2, 6]
    text: dw = {2*value}*r1*x0*y0 - {value}*x0*y0
design: {kind: grid}
""")
    rules = [run.experiment(sweep.base).learning.rule for run in planned_runs(sweep)]
    assert rules == ["dw = 4*r1*x0*y0 - 2*x0*y0", "dw = 12*r1*x0*y0 - 6*x0*y0"]


def test_sections_that_a_model_file_may_leave_out_can_be_varied():
    sweep = Sweep.from_yaml("""\
name: x
model: digits
engine: circuit
parameters:
  hardware.weight_bits: [4, 8]
  synapses.release: [0.9, 1.0]
design: {kind: grid}
""")
    found = [run.experiment(sweep.base) for run in planned_runs(sweep)]
    assert [e.hardware.weight_bits for e in found] == [4, 4, 8, 8]
    assert [e.synapses.release for e in found] == [0.9, 1.0, 0.9, 1.0]


def test_a_list_names_its_points():
    sweep = Sweep.from_yaml("""\
name: x
model: digits
design:
  kind: list
  points:
    - {network.weight_limit: 100, training.seed: 1}
    - {network.weight_limit: 200, training.seed: 4}
""")
    found = [run.experiment(sweep.base) for run in planned_runs(sweep)]
    assert [(e.network.weight_limit, e.training.seed) for e in found] == [(100, 1), (200, 4)]


@pytest.mark.parametrize(
    "design",
    [
        {"kind": "random", "samples": 7},
        {"kind": "latin_hypercube", "samples": 7},
        {"kind": "sobol", "samples": 8},
        {"kind": "saltelli", "samples": 4, "second_order": True},
        {"kind": "morris", "samples": 5},
    ],
)
def test_a_design_hangs_on_its_seed_alone(design):
    names = ["a", "b", "c"]
    first, again, other = (
        unit_points(DesignSection(**design, seed=seed), names) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1
    expected = {"saltelli": 4 * (2 * 3 + 2), "morris": 5 * (3 + 1)}
    assert first.shape == (expected.get(design["kind"], design["samples"]), 3)


@given(st.floats(1, 1000), st.floats(1.5, 1000), st.integers(1, 7), st.booleans(), st.floats(0, 1))
def test_values_of_a_range_are_multiples_within_it(low, width, multiple, log, share):
    high = low + width * multiple
    parameter = Parameter(low=low, high=high, multiple_of=multiple, log=log)
    value = parameter.at(share)
    assert isinstance(value, int)
    assert value % multiple == 0
    assert low <= value <= high
    assert parameter.at(0.0) <= parameter.at(1.0)


def test_multiples_have_equal_shares_and_logarithmic_ranges_equal_ratios():
    even = Parameter(low=2, high=8, multiple_of=2)
    assert [even.at((n + 0.5) / 4) for n in range(4)] == [2, 4, 6, 8]
    log = Parameter(low=1, high=100, log=True)
    assert math.isclose(log.at(0.5), 10)
    assert log.model_copy(update={"steps": 3}).grid() == pytest.approx([1, 10, 100])


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("weight_limit:", "weight_limt:"),
         "sweep:5: parameters: network.weight_limt: unknown key; did you mean weight_limit?"),
        (("sizes[1]", "sizes[3]"), "network.sizes: has 3 entries to choose from"),
        (("samples: 8", "samples: 12"), "must be a power of 2, such as 16"),
        (("saltelli", "soltelli"), "did you mean saltelli?"),
        (("low: 0.3", "low: 0.8"), "is 0.7, but must be greater than low, 0.8"),
        (("log: true", "lgo: true"), "parameters: network.sizes[1].lgo: unknown key"),
        (("model: digits", "model: digts"), "sweep:2: model: digts: no such model file; did you"),
        (("design:", "seeds: 0\ndesign:"), "must be a list of seeds, or how many there are"),
        (("design:", "sedes: 2\ndesign:"), "unknown key; did you mean seeds?"),
        (("design:", "record: [trian]\ndesign:"), "did you mean train?"),
        (("design:", "fixed: {training.epoch: 2}\ndesign:"),
         "fixed: training.epoch: unknown key; did you mean epochs?"),
        (("design:", "fixed: {dataset.threshold: 0.4}\ndesign:"), "is fixed to 0.4 as well"),
        (("design:", "name: y\ndesign:"), "given twice, first in line 1"),
        (("kind: saltelli, samples: 8", "kind: grid"), "a grid needs 'steps'"),
        (("kind: saltelli, samples: 8", "kind: random"), "needs a number of points"),
        (("multiple_of: 2", "multiple_of: 500"), "there is no multiple in 64 ... 254"),
        (("dataset.threshold", "threshold"), "no key of a model file; did you mean"),
        (("{low: 0.3, high: 0.7}", "{low: 0.3}"), "is needed with 'low'"),
        (("{low: 0.3, high: 0.7}", "{values: [1], low: 0.3}"), "either values, or levels, or a"),
        (("{low: 0.3, high: 0.7}", "{low: -1, high: 0.7, log: true}"), "low greater than 0"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_sweep_file_is_named_with_its_place_and_what_would_be_right(change, said):
    assert said in complaint(BASE.replace(*change))


def test_seeds_and_a_seed_parameter_do_not_go_together():
    text = (
        BASE.replace("dataset.threshold", "training.seed").replace("0.3", "0").replace("0.7", "9")
    )
    assert "training.seed is among the parameters already" in complaint(text + "seeds: 2\n")


def test_a_grid_of_nothing_is_refused():
    assert "only seeds can be varied" in complaint("name: x\nmodel: digits\ndesign: {kind: grid}\n")


def test_overrides_fix_a_key_of_the_model_or_change_the_sweep(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(BASE)
    sweep = Sweep.from_file(file, ["training.epochs=1", "design.samples=2", "seeds=2"], "circuit")
    assert sweep.base.training.epochs == 1
    assert len(planned_runs(sweep)) == 2 * 5 * 2
    assert sweep.engine == "circuit"
    with pytest.raises(SweepError, match=r"override 'training.epoch=1': unknown key; did you mean"):
        Sweep.from_file(file, ["training.epoch=1"])
    with pytest.raises(SweepError, match="no such sweep file"):
        Sweep.from_file(tmp_path / "y.yaml")


def test_values_that_the_model_refuses_are_found_before_anything_starts():
    sweep = Sweep.from_yaml(BASE.replace("low: 64, high: 254, multiple_of: 2",
                                         "low: 200, high: 400, multiple_of: 2"))  # fmt: skip
    with pytest.raises(SweepError, match=r"of 40 runs cannot be done:\nrun \d+ .*254 or less"):
        refuse_unfit(sweep, planned_runs(sweep))


def test_data_that_does_not_fit_is_found_before_anything_starts(tmp_path):
    text = """\
name: x
model: tiny.yaml
parameters: {"network.sizes[0]": [12, 11], dataset.threshold: [0.5, 2.0]}
design: {kind: grid}
"""
    sweep = Sweep.from_file(write_scene(tmp_path, sweep=text))
    with pytest.raises(SweepError) as refused:
        refuse_unfit(sweep, planned_runs(sweep))
    said = str(refused.value)
    assert "3 of 4 runs cannot be done" in said
    assert "run 1 (network.sizes[0]=12, dataset.threshold=2.0):" in said
    assert "no pixel of any" in said
    assert "have 12 = 12 inputs" in said


def test_what_the_oracle_cannot_do_is_found_before_anything_starts():
    sweep = Sweep.from_yaml("""\
name: x
model: digits
parameters: {hardware.weight_bits: [7, 8]}
design: {kind: grid}
""")
    with pytest.raises(
        SweepError, match=r"2 of 2 runs cannot be done:\n.*does not include the chip"
    ):
        refuse_unfit(sweep, planned_runs(sweep))


# ---------------------------------------------------------------- counted first

MANY = """\
name: x
model: digits
parameters:
  dataset.threshold: {low: 0.3, high: 0.7, steps: 1000}
  network.initial_spread: {low: 0.5, high: 2, steps: 1000}
  network.weight_limit: {low: 2, high: 254, steps: 1000}
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("design: {kind: random, samples: 1000000000}",
         "sweep:7: design: random (samples: 1,000,000,000, parameters: 3) makes 1,000,000,000 "
         "runs, but a sweep has 100,000 at most; reduce design.samples"),
        (f"design: {{kind: latin_hypercube, samples: {10**18}}}", "makes 10^18 runs"),
        ("design: {kind: sobol, samples: 131072}", "makes 131,072 runs"),
        ("design: {kind: saltelli, samples: 16384, second_order: true}", "makes 131,072 runs"),
        ("design: {kind: morris, samples: 30000}", "makes 120,000 runs"),
        ("design: {kind: grid}",
         "grid (1,000 × 1,000 × 1,000) makes 1,000,000,000 runs, but a sweep has 100,000 at most; "
         "reduce steps of dataset.threshold"),
        ("design: {kind: random, samples: 1000}\nseeds: 1000000",
         "sweep:8: seeds: 1,000,000 seeds of each of 1,000 points (random) make 1,000,000,000 "
         "runs, but a sweep has 100,000 at most; reduce seeds"),
        (f"design: {{kind: random, samples: 1}}\nseeds: {10**18}", "10^18 seeds (random)"),
    ],
)  # fmt: skip
def test_a_design_of_too_many_runs_is_refused_by_its_numbers_alone(more, said, monkeypatch):
    for module in (designs, sections.Parameter):  # nothing is drawn
        monkeypatch.delattr(module, "unit_points" if module is designs else "grid")
    assert said in complaint(MANY + more)


@pytest.mark.parametrize(
    "design",
    [
        "{kind: grid}",
        "{kind: random, samples: 7}",
        "{kind: sobol, samples: 8}",
        "{kind: saltelli, samples: 4}",
        "{kind: saltelli, samples: 4, second_order: true}",
        "{kind: morris, samples: 5}",
    ],
)
def test_the_runs_that_are_counted_are_those_that_are_drawn(design, monkeypatch):
    text = MANY.replace("1000", "3") + f"design: {design}\nseeds: 2\n"
    n = len(planned_runs(Sweep.from_yaml(text)))
    monkeypatch.setattr(counting, "MOST_RUNS", n)
    Sweep.from_yaml(text)
    monkeypatch.setattr(counting, "MOST_RUNS", n - 1)
    assert f"make {n} runs" in complaint(text)


def test_too_little_memory_for_a_design_is_blamed_on_the_design(monkeypatch):
    def full(sweep):
        raise MemoryError

    monkeypatch.setattr(checks, "planned_runs", full)
    with pytest.raises(SweepError, match=r"memory to plan the design 'saltelli' .* reduce samples"):
        checks.fit_runs(Sweep.from_yaml(BASE))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("design:", f"seeds: [1, {2**64}]\ndesign:"), f"at most {2**63 - 1:,} is read"),
        (("design:", f"seeds: [1, -{2**62}]\ndesign:"), f"from 0 to {2**63 - 1}"),
        (("seed: 1", f"seed: {10**30}"), f"the whole number {10**30} is too large"),
        (("high: 0.7", "high: 1.0e+300"), "high: is 1e+300, but must be 1e+15 or less"),
        (("multiple_of: 2", f"multiple_of: {10**18}"), "but must be 1e+15 or less"),
        (("low: 0.3, high: 0.7", "low: 1e-300, high: 1, log: true"), "more than thirty powers"),
        (("low: 0.3, high: 0.7", "values: [a], text: '{value}'"), "needs values that are numbers"),
        (("low: 0.3, high: 0.7", "low: 1, high: 7, text: '{٢*value}'"), "must hold {value}"),
        (("low: 0.3, high: 0.7", "levels: {null: {dataset.crop: 1}}"), "words or numbers"),
    ],
)  # fmt: skip
def test_numbers_and_names_beyond_what_a_sweep_can_hold_are_refused(change, said):
    assert said in complaint(BASE.replace(*change))


def test_runs_that_would_test_more_often_than_anyone_reads_are_found_before_anything_starts():
    sweep = Sweep.from_yaml(
        "name: x\nmodel: digits\ndesign: {kind: grid}\n"
        "fixed: {training.samples: 1000, training.epochs: 2000}\n"
        "parameters: {training.evaluate_every: [0.5, 0.001]}\n"
    )
    with pytest.raises(SweepError, match=r"1 of 2 runs cannot be done:\nrun 1 .*2e\+06 tests"):
        refuse_unfit(sweep, planned_runs(sweep))


def test_a_name_that_contains_itself_is_refused():
    assert "an alias is inside the value that it refers to" in complaint(
        "name: &n [*n]\nmodel: digits\nparameters: {training.seed: [1]}\ndesign: {kind: grid}\n"
    )


def test_a_seed_that_the_tables_cannot_hold_is_found_before_anything_starts():
    sweep = Sweep.from_yaml(
        f"name: x\nmodel: digits\nparameters: {{training.seed: [1, -{2**62}]}}\n"
        "design: {kind: grid}\n"
    )
    with pytest.raises(SweepError, match=r"1 of 2 runs cannot be done:\nrun 1 .*seed"):
        refuse_unfit(sweep, planned_runs(sweep))


# ---------------------------------------------------------------- set twice


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("a: {key: dataset.threshold, values: [0.1, 0.2]}, b: {key: dataset.threshold, values: "
         "[0.3]}", "parameters: b: dataset.threshold is set by a as well"),
        ("dataset.threshold: [0.5], a: {levels: {x: {dataset.crop: 1}, y: {dataset.crop: 0, "
         "dataset.threshold: 0.4}}}", "dataset.threshold is set by dataset.threshold as well"),
        ("a: {key: network, values: [{sizes: [64, 8, 10]}]}, b: {key: network.sizes, values: "
         "[[64, 9, 10]]}", "b: network, which holds network.sizes, is set by a as well"),
        ("b: {key: 'network.sizes[1]', values: [9]}, a: {key: network.sizes, values: [[64, 8, "
         "10]]}", "a: network.sizes[1], a part of network.sizes, is set by b as well"),
        ("a: {key: 'network.sizes[1]', values: [9]}, b: {key: 'network.sizes[01]', values: [8]}",
         "network.sizes[01] is set by a as well"),
        ("a: {levels: {x: {network: {sizes: [64, 8, 10]}, 'network.sizes[1]': 9}}}",
         'a: level "x" sets network.sizes[1] and all of network'),
    ],
)  # fmt: skip
def test_an_entry_that_two_parameters_set_is_refused(entries, said):
    text = f"name: x\nmodel: digits\nparameters: {{{entries}}}\ndesign: {{kind: grid}}\n"
    assert said in complaint(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parameters: {a: {levels: {x: {dataset.crop: 1}, y: {training.seed: 2}}}}\n"
         "design: {kind: grid}\nseeds: 2\n", "seeds: training.seed is set by a as well"),
        ("fixed: {training.seed: 3}\ndesign: {kind: grid}\nseeds: 2\n",
         "seeds: training.seed is fixed to 3 as well"),
        ("fixed: {network.sizes: [64, 8, 10]}\nparameters: {network: [{sizes: [64, 9, 10]}]}\n"
         "design: {kind: grid}\n", "network.sizes is fixed to [64, 8, 10] as well"),
        ("design: {kind: list, points: [{network.sizes: [64, 8, 10], 'network.sizes[1]': 9}]}\n",
         "design: points: network.sizes, which holds network.sizes[1], is set by"),
    ],
)  # fmt: skip
def test_an_entry_that_seeds_points_or_fixed_set_as_well_is_refused(text, said):
    assert said in complaint(f"name: x\nmodel: digits\n{text}")


def test_one_entry_of_a_list_may_vary_where_the_list_is_fixed():
    sweep = Sweep.from_yaml(
        "name: x\nmodel: digits\nfixed: {network.sizes: [64, 20, 10]}\n"
        "parameters: {'network.sizes[1]': [8, 9]}\ndesign: {kind: grid}\n"
    )
    found = [run.experiment(sweep.base).network.sizes for run in planned_runs(sweep)]
    assert found == [(64, 8, 10), (64, 9, 10)]


# ---------------------------------------------------------------- identity


def test_what_decides_the_rows_decides_the_digest(tmp_path):
    file = write_scene(tmp_path)
    sweep = Sweep.from_file(file)
    assert sweep.digest() == Sweep.from_file(file).digest()
    again = Sweep.from_yaml(sweep.to_yaml())
    assert again.digest() == sweep.digest()
    assert planned_runs(again) == planned_runs(sweep)
    changes = ["design.samples=21", "seeds=4", "training.epochs=61", "record=[train]"]
    assert len({Sweep.from_file(file, [change]).digest() for change in changes}) == 4
    assert sweep.digest() not in {Sweep.from_file(file, [change]).digest() for change in changes}


def test_shipped_sweeps_are_valid_and_have_as_many_runs_as_they_say():
    found = {name: len(planned_runs(Sweep.from_file(name))) for name in list_sweeps()}
    assert found["seeds"] == 100
    assert found["throughput"] == 1024
    sobol = Sweep.from_file("sobol")
    assert len(sobol.parameters) >= 6
    assert found["sobol"] == sobol.design.samples * (2 * len(sobol.parameters) + 2)
    assert {"bits_hidden", "collapse", "disturbances", "early", "pixel_crop"} <= set(found)


# ---------------------------------------------------------------- keys of model files


def test_an_entry_of_a_list_can_be_overridden():
    digits = Experiment.from_file("digits")
    assert digits.changed(["network.sizes[1]=50"]).network.sizes == (64, 50, 10)


def test_the_initial_spread_scales_the_weights_and_its_default_changes_no_fingerprint():

    digits = Experiment.from_file("digits")
    assert "network.initial_spread" not in digits.decisive()
    narrow = digits.changed(["network.initial_spread=0.25"])
    assert narrow.decisive()["network.initial_spread"] == 0.25
    assert narrow.fingerprint() != digits.fingerprint()
    usual, small = (assemble(e).start[0].astype(float) for e in (digits, narrow))
    # magnitudes are rounded down to even, so the ratio is a bit below a quarter
    assert 0.2 < small.std() / usual.std() <= 0.26
    zero = assemble(digits.changed(["network.initial_spread=0.0"])).start
    assert not any(matrix.any() for matrix in zero)


def test_an_empty_list_of_seeds_is_not_taken_for_none():
    assert "seeds: is empty; name seeds" in complaint(BASE.replace("design:", "seeds: []\ndesign:"))
