"""Pictures of the circuit: concept, unrolled connectivity, and the measured activation.

What must be drawn is enumerated here from the tables of `test_circuit`, which are written from the
description of the circuit, and not from `circuit.py`.
"""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from circuit_tables import GATES, PLASTIC, POPULATIONS, SOURCES, one_to_one
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

from analysis.paper import activation, concept, connectivity
from analysis.shared import output
from analysis.shared.ordering import ordered_rows
from analysis.shared.unrolled import unrolled
from synfire_bp.circuit import (
    FULL,
    HALF,
    Block,
    Gate,
    Population,
    Relay,
    backprop_circuit,
    inference_circuit,
)
from synfire_bp.errors import CircuitError

N_PHASES = 12
SIZES = {"in": 7, "hid": 5, "out": 3}
CIRCUIT = backprop_circuit((7, 5, 3))
OPEN = {name: phases for name, (_, phases) in (POPULATIONS | SOURCES).items()}
UNITS = {name: SIZES[layer] for name, (layer, _) in (POPULATIONS | SOURCES).items()}
LEARNING = {5: "potentiation", 7: "potentiation", 9: "depression", 11: "depression"}
KINDS = {"relay": "fixed", "inhibition": "inhibitory", "open": "gating"}
FROM_GATE = re.compile(r" g\d+@")
MODULES = (concept, connectivity, activation)


def matrix(layer, transposed, sign):
    return ("−" if sign < 0 else "") + f"W{layer + 1}" + ("ᵀ" if transposed else "")


def arriving():
    """Every spike that finds its target open: (kind, pre, phase, post, phase, delay, synapses)."""
    projections = [("plastic", pre, post, 0) for pre, post, *_ in PLASTIC]
    projections += [(KINDS[weight], pre, post, delay) for pre, post, weight, delay in one_to_one()]
    return {
        (kind, pre, phase, post, (phase + 1 + delay) % N_PHASES, delay,
         UNITS[post] * (UNITS[pre] if kind == "plastic" else 1))
        for kind, pre, post, delay in projections
        for phase in OPEN[pre]
        if (phase + 1 + delay) % N_PHASES in OPEN[post]
    }  # fmt: skip


def gating():
    """What gates do: (what, pre, phase, post, phase, threshold)."""
    return {
        (what, f"g{k}", (k - 1) % N_PHASES, post, k, threshold)
        for k, (half, zero, full, block) in GATES.items()
        for what, names, threshold in (
            ("synapses", half, HALF), ("synapses", zero, 0), ("synapses", full, FULL),
            ("block", block, None),
        )
        for post in names.split()
    }  # fmt: skip


def plain(value):
    return None if pd.isna(value) else value


def picked(table, what, *columns):
    """Return the rows of a table that are of a kind, as a list of tuples."""
    rows = table[table["what"] == what]
    return [tuple(map(plain, row)) for row in rows[list(columns)].itertuples(index=False)]


def between_populations(table):
    return table[~table["pre"].fillna("").str.fullmatch(r"g\d+")]


@pytest.fixture(scope="module")
def table():
    return unrolled(CIRCUIT)


# -- the unrolled circuit: numbers -----------------------------------------------------------------


def test_populations_stand_in_the_phases_in_which_they_are_open(table):
    expected = [(name, phase) for name, phases in OPEN.items() for phase in phases]
    expected += [(f"g{k}", (k - 1) % N_PHASES) for k in range(N_PHASES)]
    assert Counter(picked(table, "population", "post", "post_phase")) == Counter(expected)


def test_synapses_stand_where_their_spike_finds_the_target_open(table):
    rows = picked(
        between_populations(table), "synapses",
        "kind", "pre", "pre_phase", "post", "post_phase", "extra_delay", "synapses",
    )  # fmt: skip
    assert Counter(rows) == Counter(arriving())


def test_gates_open_and_close_what_their_table_says_at_its_threshold(table):
    gates = table[table["pre"].fillna("").str.fullmatch(r"g\d+")]
    columns = ("pre", "pre_phase", "post", "post_phase", "threshold")
    rows = [("synapses", *row) for row in picked(gates[gates["kind"] == "gating"], "synapses",
                                                 *columns)]  # fmt: skip
    rows += [("block", *row) for row in picked(gates, "block", *columns)]
    assert Counter(rows) == Counter(gating())


def test_the_gating_chain_is_a_ring(table):
    ring = picked(table[table["kind"] == "ring"], "synapses", "pre", "post", "post_phase")
    assert sorted(ring) == sorted((f"g{k}", f"g{(k + 1) % 12}", k) for k in range(N_PHASES))


def test_plastic_synapses_learn_where_both_their_ends_may_fire_in_a_learning_phase(table):
    expected = [
        (kind, matrix(*about), pre, post, phase)
        for phase, kind in LEARNING.items()
        for pre, post, *about in PLASTIC
        if phase in OPEN[pre] and phase in OPEN[post]
    ]
    rows = picked(table, "learning", "kind", "matrix", "pre", "post", "post_phase")
    assert Counter(rows) == Counter(expected)


@pytest.mark.parametrize("row", CIRCUIT.relays, ids=lambda row: f"{row.pre}→{row.post}")
def test_a_relay_that_is_taken_out_of_the_circuit_is_drawn_no_more(row, table):
    smaller = replace(CIRCUIT, relays=tuple(other for other in CIRCUIT.relays if other is not row))
    gone = {(row.pre, post, delay) for post in row.post for delay in row.extra_delays}

    def fixed(table):
        rows = picked(table[table["kind"] != "plastic"], "synapses", "pre", "post", "extra_delay")
        return Counter(rows)

    assert gone <= set(fixed(table)), "every relay is drawn while it is there"
    assert not gone & set(fixed(unrolled(smaller)))
    assert set(concept_projections(concept.summary(CIRCUIT))) >= {f"{a}→{b}" for a, b, _ in gone}


@pytest.mark.parametrize("row", CIRCUIT.gates, ids=lambda row: f"{row.phase} {row.population}")
def test_a_gate_that_is_taken_out_of_the_circuit_is_drawn_no_more(row, table):
    smaller = replace(CIRCUIT, gates=tuple(other for other in CIRCUIT.gates if other is not row))
    what = "block" if isinstance(row, Block) else "synapses"
    spike = f"g{row.phase}", row.population, row.phase
    after = unrolled(smaller)
    assert spike in picked(table, what, "pre", "post", "post_phase")
    assert spike not in picked(after, what, "pre", "post", "post_phase")
    if isinstance(row, Gate):
        assert (row.population, row.phase) not in picked(after, "population", "post", "post_phase")


def test_an_extra_delay_moves_the_arrival(table):
    def later(row):
        return replace(row, extra_delays=(5,)) if (row.pre, row.post) == ("h<", ("c",)) else row

    # a step later, c is closed: then the spikes meet nothing, and c is never driven
    moved = unrolled(replace(CIRCUIT, relays=tuple(map(later, CIRCUIT.relays))))
    assert ("h<", "c") in picked(table, "synapses", "pre", "post")
    assert ("h<", "c") not in picked(moved, "synapses", "pre", "post")
    # it is still opened, but leads nowhere
    assert ("c", 6) in picked(moved, "population", "post", "post_phase")
    assert "c" not in {pre for (pre,) in picked(moved, "synapses", "pre")}


# -- the unrolled circuit: drawing -----------------------------------------------------------------


@pytest.fixture(scope="module")
def unrolled_figure(table):
    return connectivity.draw(table)


def boxes(figure):
    """Return name, left, right, lower and upper end of each box."""
    return [
        (patch.get_label(), patch.get_x(), patch.get_x() + patch.get_width(),
         patch.get_y(), patch.get_y() + patch.get_height())
        for patch in figure.axes[0].patches
        if isinstance(patch, FancyBboxPatch)
    ]  # fmt: skip


def artists(figure, start):
    return [a for a in figure.axes[0].get_children() if str(a.get_label()).startswith(start)]


def test_every_population_has_a_box_in_the_column_of_its_phase_and_in_one_row(
    table, unrolled_figure
):
    drawn = boxes(unrolled_figure)
    expected = picked(table, "population", "post", "post_phase")
    assert Counter(name for name, *_ in drawn) == Counter(f"{p}@{k}" for p, k in expected)
    columns, rows = {}, {}
    for name, left, right, bottom, top in drawn:
        population, phase = name.split("@")
        columns.setdefault(int(phase), set()).add(round((left + right) / 2, 6))
        rows.setdefault(population, set()).add(round((bottom + top) / 2, 6))
    assert all(len(places) == 1 for places in (*columns.values(), *rows.values()))
    middles = [columns[phase].pop() for phase in sorted(columns)]
    assert sorted(columns) == list(range(N_PHASES)) and middles == sorted(middles)


def test_boxes_do_not_overlap(unrolled_figure):
    for figure in (unrolled_figure, concept.draw(concept.summary(CIRCUIT))):
        for (a, *one), (b, *other) in combinations(boxes(figure), 2):
            apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2]
            assert apart or other[3] <= one[2], (a, b)


def test_every_synapse_is_drawn_from_its_source_s_box_to_its_target_s(unrolled_figure):
    places = {name: at for name, *at in boxes(unrolled_figure)}
    lines = {line.get_label(): line for line in artists(unrolled_figure, "synapses")
             if "@" in line.get_label() and hasattr(line, "get_xydata")}  # fmt: skip
    expected = {f"synapses {kind} {a}@{p} {b}@{q}" for kind, a, p, b, q, *_ in arriving()}
    assert {name for name in lines if not FROM_GATE.search(name)} == expected
    for name in expected:
        _, _, pre, post = name.split()
        (_, right, bottom, top), points = places[pre], lines[name].get_xydata()
        assert points[0] == pytest.approx((right, (bottom + top) / 2))
        left, _, bottom, top = places[post]
        assert 0 <= left - points[-1][0] < 2 and bottom <= points[-1][1] <= top


def test_kinds_of_synapses_look_different(unrolled_figure):
    looks = {}
    for line in artists(unrolled_figure, "synapses"):
        if hasattr(line, "get_xydata") and not FROM_GATE.search(line.get_label()):
            kind = line.get_label().split()[1]
            looks.setdefault(kind, set()).add((line.get_linewidth(), line.get_linestyle()))
    assert set(looks) == {"plastic", "fixed", "inhibitory", "gating"}
    assert all(len(look) == 1 for look in looks.values())
    assert looks["plastic"] != looks["fixed"] != looks["gating"] != looks["plastic"]


def test_every_gate_has_a_mark_on_what_it_opens_and_a_cross_on_what_it_closes(unrolled_figure):
    expected = {
        f"{what} gating {pre}@{p} {post}@{q}" for what, pre, p, post, q, _ in gating()
    }  # fmt: skip
    marks = [a.get_label() for a in artists(unrolled_figure, ("synapses gating", "block"))
             if FROM_GATE.search(a.get_label())]  # fmt: skip
    assert Counter(marks) == Counter(expected)


def test_learning_populations_are_joined_by_brackets(unrolled_figure):
    expected = {
        f"learning {matrix(layer, transposed, 1)} {name}@{phase}"
        for phase in LEARNING
        for pre, post, layer, transposed, _ in PLASTIC
        if phase in OPEN[pre] and phase in OPEN[post]
        for name in (pre, post)
    }
    marks = [line.get_label() for line in artists(unrolled_figure, "learning")]
    assert Counter(marks) == Counter(expected)


def test_reward_phases_are_shaded_and_named(unrolled_figure):
    texts = {text.get_text() for text in unrolled_figure.axes[0].texts}
    assert {"W2 ↑\nreward 1", "W1 ↑\nreward 1", "W2 ↓\nreward 0", "W1 ↓\nreward 0"} <= texts
    centre = {int(name.split("@")[1]): (left + right) / 2
              for name, left, right, *_ in boxes(unrolled_figure)}  # fmt: skip
    for learning in ("potentiation", "depression"):
        shades = artists(unrolled_figure, learning)
        middles = sorted(shade.get_x() + shade.get_width() / 2 for shade in shades)
        phases = [phase for phase, kind in LEARNING.items() if kind == learning]
        assert middles == pytest.approx([centre[phase] for phase in phases])


def test_a_waiting_line_keeps_clear_of_boxes_and_goes_on_in_the_next_sample():
    # after eleven steps, the spikes of x in phase 7 find m_x open in the next sample
    def longer(row):
        return replace(row, extra_delays=(4, 10)) if (row.pre, row.post) == ("x", ("m_x",)) else row

    figure = connectivity.draw(
        unrolled(replace(CIRCUIT, relays=tuple(map(longer, CIRCUIT.relays))))
    )
    (label,) = {a.get_label() for a in artists(figure, "synapses fixed x@7")}
    assert label == "synapses fixed x@7 m_x@6"
    lines = [line for line in artists(figure, label) if hasattr(line, "get_xydata")]
    assert len(lines) == 2, "the way out of this sample, and the way into it"
    for line in lines:
        x, y = line.get_xydata().T
        x = np.interp(t := np.linspace(0, len(x) - 1, 5000), np.arange(len(x)), x)
        y = np.interp(t, np.arange(len(y)), line.get_xydata()[:, 1])
        for name, left, right, bottom, top in boxes(figure):
            hit = (x > left + 0.01) & (x < right - 0.01) & (y > bottom) & (y < top)
            assert not hit.any(), name


# -- order of rows ---------------------------------------------------------------------------------


def crossing_pairs(order):
    """Count pairs of lines that cross between two columns, from the independent enumeration."""
    place = {name: k for k, name in enumerate(order)}
    place |= {"input": place["x"], "target": place["t"]}
    segments = set()
    for _, pre, phase, post, _, delay, _ in arriving():
        segments |= {(step, place[pre], place[pre]) for step in range(phase + 1, phase + 1 + delay)}
        segments.add((phase + 1 + delay, place[pre], place[post]))
    return sum(
        gap == other and (a - c) * (b - d) < 0
        for (gap, a, b), (other, c, d) in combinations(segments, 2)
    )


def test_no_two_populations_of_a_layer_can_change_places_for_fewer_crossings(table):
    bands = ordered_rows(table)
    assert list(bands) == ["output", "hidden", "input"]
    assert {name for band in bands.values() for name in band} == set(POPULATIONS)
    order = [name for band in bands.values() for name in band]
    fewest = crossing_pairs(order)
    assert fewest < crossing_pairs(list(reversed(POPULATIONS)))
    for band in bands.values():
        for a, b in combinations(band, 2):
            swapped = [{a: b, b: a}.get(name, name) for name in order]
            assert crossing_pairs(swapped) >= fewest, (a, b)


# -- concept ---------------------------------------------------------------------------------------


def concept_projections(summary):
    return [name for (names,) in picked(summary, "link", "projections") for name in names.split()]


def test_the_modules_of_the_concept():
    found = {module.name: module.kind for module in concept.modules(CIRCUIT)}
    assert found == {
        "input": "source", "target": "source",
        "x": "feedforward", "h h< h>": "feedforward", "o o< o>": "feedforward",
        "m_x": "memory", "m_h": "memory", "c": "derivative",
        "t": "target", "d+ d-": "error", "hT": "feedback", "oT": "feedback",
    }  # fmt: skip


def test_the_concept_holds_every_projection_once_per_kind():
    expected = {(kind, f"{pre}→{post}") for kind, pre, _, post, *_ in arriving()}
    links = picked(concept.summary(CIRCUIT), "link", "kind", "projections")
    drawn = [(kind, name) for kind, names in links for name in names.split()]
    assert Counter(drawn) == Counter(expected)


def test_local_gradients_come_back_in_the_phases_in_which_weights_learn():
    summary = concept.summary(CIRCUIT)
    rows = picked(summary, "link", "pre", "post", "kind", "learning", "matrix")
    gradients = {(pre, post): learning for pre, post, kind, learning, _ in rows
                 if kind == "fixed" and learning}  # fmt: skip
    assert gradients == {("d+ d-", "o o< o>"): "5↑ 9↓", ("hT", "h h< h>"): "7↑ 11↓"}
    weights = {name: learning for *_, learning, name in rows if name}
    assert weights == {"W1": "7↑ 11↓", "W2": "5↑ 9↓", "W2ᵀ": "5↑ 9↓", "−W2ᵀ": "5↑ 9↓"}
    texts = {text.get_text() for text in concept.draw(summary).axes[0].texts}
    assert {"d1\n7↑ 11↓", "d2  5↑ 9↓", "W1\n7↑ 11↓", "−W2ᵀ\n5↑ 9↓"} <= texts


def test_without_the_feedback_to_the_hidden_layer_the_concept_has_no_hidden_gradient():
    relays = tuple(row for row in CIRCUIT.relays if row.pre != "hT")
    summary = concept.summary(replace(CIRCUIT, relays=relays))
    assert ("hT", "h h< h>") not in picked(summary, "link", "pre", "post")
    texts = [text.get_text() for text in concept.draw(summary).axes[0].texts]
    assert not any(text.startswith("d1") for text in texts)
    assert any(text.startswith("d2") for text in texts)


def test_the_concept_s_gates_open_and_close_what_their_table_says():
    expected = {(f"g{k}", str(k), tuple(sorted(f"{a} {b} {c}".split())), tuple(sorted(d.split())))
                for k, (a, b, c, d) in GATES.items()}  # fmt: skip
    rows = picked(concept.summary(CIRCUIT), "gate", "pre", "phases", "opens", "closes")
    assert {
        (gate, phase, tuple(sorted((opens or "").split())), tuple(sorted((closes or "").split())))
        for gate, phase, opens, closes in rows
    } == expected


def test_every_link_of_the_concept_is_drawn_and_passes_through_no_other_module():
    summary = concept.summary(CIRCUIT)
    figure = concept.draw(summary)
    links = picked(summary, "link", "kind", "pre", "post")
    lines = [line for line in figure.axes[0].lines if "→" in line.get_label()]
    assert Counter(line.get_label() for line in lines) == Counter(
        f"{kind} {pre}→{post}" for kind, pre, post in links
    )
    for line in lines:
        x, y = line.get_xydata().T
        for name, left, right, bottom, top in boxes(figure):
            assert not ((x > left) & (x < right) & (y > bottom) & (y < top)).any(), (line, name)


def test_a_population_of_no_module_is_refused():
    odd = replace(
        CIRCUIT,
        populations=(*CIRCUIT.populations, Population("q", "hidden", "odd")),
        relays=(*CIRCUIT.relays, Relay("q", ("h",))),
    )
    with pytest.raises(CircuitError, match="'q' belongs to no module"):
        concept.modules(odd)


def test_the_inference_circuit_is_drawn_with_its_four_phases_and_its_forward_part_alone():
    circuit = inference_circuit((7, 5, 3))
    summary = concept.summary(circuit)
    assert picked(summary, "link", "pre", "post", "kind", "learning") == [
        ("x", "h", "plastic", None), ("h", "o", "plastic", None), ("input", "x", "fixed", None),
    ]  # fmt: skip
    assert {name for name, *_ in boxes(concept.draw(summary))} == {
        "input", "x", "h", "o", "g0", "g1", "g2", "g3",
    }  # fmt: skip
    figure = connectivity.draw(unrolled(circuit))
    assert {name for name, *_ in boxes(figure)} == {
        "input@0", "x@1", "h@2", "o@3", "g1@0", "g2@1", "g3@2", "g0@3",
    }  # fmt: skip


# -- activation ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept():
    return activation.numbers(Path("nowhere"))


def test_the_sweep_s_weights_are_ones_that_the_chip_has_and_sum_to_every_even_input():
    weights = activation.sweep_weights()
    assert (weights % 2 == 0).all() and np.abs(weights).max() <= 254
    assert weights.astype(int).sum(axis=0).tolist() == list(range(-600, 1702, 2))


def test_the_neurons_fire_from_exactly_their_thresholds_on(swept):
    a = swept["summed_input"].to_numpy()
    assert a.tolist() == list(range(-600, 1702, 2))
    for name, threshold in (("h<", 0), ("h", 512), ("h>", 1024)):
        assert a[swept[name] == 0].max() == threshold, name
        assert a[swept[name] == 1].min() == threshold + 2, name
    derivative = a[swept["c"] == 1]
    assert derivative.tolist() == list(range(2, 1026, 2))


def test_what_is_measured_is_what_the_analytic_curves_say(swept):
    a = swept["summed_input"].to_numpy()
    np.testing.assert_array_equal(swept["step"], np.heaviside(a - 512, 0))
    np.testing.assert_array_equal(swept["surrogate"], np.minimum(np.maximum(a, 0), 1024) / 1024)
    for measured, curve in (("h", "step"), ("h<", "lower_step"), ("h>", "upper_step"),
                            ("c", "derivative")):  # fmt: skip
        np.testing.assert_array_equal(swept[measured], swept[curve], err_msg=measured)
    np.testing.assert_allclose(swept["c_summed"], swept["surrogate"], atol=1e-12)


def test_another_circuit_measures_another_activation():
    sizes = activation.N_INPUTS, len(activation.SWEEP), 1
    circuit = backprop_circuit(sizes)
    gates = tuple(
        Gate(2, "h", threshold=0) if row == Gate(2, "h") else row for row in circuit.gates
    )
    relays = tuple(row for row in circuit.relays if row.pre != "h>")
    table = activation.measured(replace(circuit, gates=gates, relays=relays))
    a = table["summed_input"]
    assert a[table["h"] == 1].min() == 2
    assert table["c"].equals(table["h<"]), "nothing inhibits c any more"
    assert (table["step"] == (a > 512)).all(), "the analytic curves stay"


def test_the_activation_figure_draws_its_table(swept):
    figure = activation.draw(swept)
    columns = (("step", "surrogate", "h", "c_summed"), ("lower_step", "upper_step", "h<", "h>"),
               ("derivative", "c"))  # fmt: skip
    jumps = {"h": (512, 514), "h<": (0, 2), "h>": (1024, 1026), "c": (0, 2, 1024, 1026)}
    for axes, names in zip(figure.axes, columns, strict=True):
        for line, name in zip(axes.lines, names, strict=False):
            values = swept.set_index("summed_input")[name]
            x, y = line.get_data()
            assert len(x) > 15
            np.testing.assert_array_equal(y, values.loc[x], err_msg=name)
            assert {*jumps.get(name, ())} <= {*x}, "both sides of each jump are marked"


# -- all three -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=MODULES, ids=lambda module: module.ENTRY.name)
def drawn(request, swept):
    """Entry, numbers and figure; the numbers need no run."""
    entry = request.param.ENTRY
    numbers = swept if request.param is activation else entry.numbers(Path("nowhere"))
    return entry, numbers, entry.draw(numbers)


def test_the_figures_are_written_at_double_column_width_in_small_files(drawn, tmp_path):
    entry, numbers, figure = drawn
    png, svg, csv = output.save(figure, numbers, tmp_path, entry.name, svg=entry.svg)
    assert struct.unpack(">I", png.read_bytes()[16:20])[0] == int(183 / 25.4 * 300)
    assert float(ET.parse(svg).getroot().get("width")[:-2]) == pytest.approx(183 / 25.4 * 72)
    assert svg.stat().st_size < 500_000
    # drawn again from what was written: the same picture
    again = entry.draw(pd.read_csv(csv))
    output.save(again, numbers, tmp_path / "again", entry.name)
    assert (tmp_path / "again" / png.name).read_bytes() == png.read_bytes()


def test_no_text_is_smaller_than_6_points_cut_off_or_on_top_of_another(drawn):
    _, _, figure = drawn
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    found = {text: text.get_window_extent(canvas.get_renderer()) for text in texts}
    assert len(found) > 20
    for text, box in found.items():
        assert text.get_fontsize() >= 6, text
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text
    for (a, box), (b, other) in combinations(found.items(), 2):
        apart = (
            min(box.x1, other.x1) - max(box.x0, other.x0) <= 0.5
            or min(box.y1, other.y1) - max(box.y0, other.y0) <= 0.5
        )
        assert apart, (a, b)
