"""What objects say of themselves in a terminal and in a notebook."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.engines.spec import CircuitProgram
from synfire_bp.program.spec import written_out
from synfire_bp.summary import Summary, shortened

ATTACK = "<img src=x onerror=\"alert('1')\"></td><script>alert(2)</script>"


class Tags(HTMLParser):
    """Collects the tags and the attributes of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def trained(tmp_path_factory, small_npz):
    """A run of the oracle whose model file attacks whoever shows it."""
    experiment = sb.Experiment.from_dict(
        {
            "name": "small",
            "description": ATTACK,
            "dataset": {"name": "npz", "path": str(small_npz())},
            "network": {"sizes": [12, 8, 3]},
            "training": {"epochs": 30},
        }
    )
    out = tmp_path_factory.mktemp("runs") / "<b>run"
    return sb.train(experiment, engine="oracle", out=out)


@pytest.fixture(scope="module")
def shown(trained):
    """One of every kind that is summarised."""
    model = sb.assemble(trained.experiment)
    experiment = trained.experiment
    data = sb.load_dataset("npz", path=experiment.dataset.path)
    rows = tuple(sb.Comparison(f"x→h{k}", 96, k == 7, 10) for k in range(8))
    lif = sb.Experiment.from_file("variants/digits_lif", ["network.sizes=[64, 5, 10]"])
    net = sb.build_network(model, data)
    net.run(2)
    tested = sb.test(trained, engine="oracle")
    return {
        "circuit": model.circuit,
        "experiment": experiment,
        "model": model,
        "plan": model.network,
        "data": data,
        "split": data.train,
        "network": net,
        "physical": sb.build_network(sb.assemble(lif), sb.load_dataset("digits")),
        "run": trained,
        "segment": tested,
        "score": tested.score,
        "verification": sb.Verification(40, 0, rows, True, (sb.Stray("h", 8, 3),)),
        "no run": sb.Run("nowhere/<i>at all"),
    }


KINDS = (
    "circuit", "experiment", "model", "plan", "data", "split", "network", "physical", "run",
    "segment", "score", "verification", "no run",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_terminal_shows_a_line_and_a_notebook_a_small_table(kind, shown):
    line, page = repr(shown[kind]), shown[kind]._repr_html_()
    assert "\n" not in line
    assert len(line) < 600
    assert line.startswith("<")
    assert len(page) < 8000
    assert "array(" not in line + page  # no matrices


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_model_file_or_a_path_is_taken_for_markup(kind, shown):
    page = Tags(shown[kind]._repr_html_())
    assert page.tags <= {"div", "strong", "table", "thead", "tr", "th", "td"}
    assert page.attributes <= {"style", "colspan"}
    if kind in ("experiment", "model", "run"):
        assert ATTACK in page.text
    if kind in ("run", "no run"):
        assert str(shown[kind].path) in page.text


def test_the_numbers_are_those_of_the_paper_for_its_sizes():
    line = repr(sb.backprop_circuit((400, 400, 10)))
    for number in ("400-400-10", "12 phases", "3,282 neurons", "500,000 learning"):
        assert number in line
    assert "4 phases" in repr(sb.inference_circuit((400, 400, 10)))


def test_a_network_tells_how_much_it_was_shown_and_completes_its_populations(shown):
    net = shown["network"]
    assert "2 of 40 samples shown" in repr(net)
    net.run(1)
    assert "3 of 40 samples shown" in repr(net)
    assert net._ipython_key_completions_() == list(net)
    assert "h<" in net._ipython_key_completions_()


def test_a_run_shows_its_last_tests(trained):
    last = trained.metrics[trained.metrics.split == "test"].accuracy_spikes.iloc[-1]
    assert f"epoch 30: test {100 * last:.2f} % by spikes" in repr(trained)
    page = Tags(trained._repr_html_()).text
    assert "10 more" in page  # of 30
    assert re.search(r"oracle\s*state", page)


def test_a_verification_that_failed_says_so(shown):
    line = repr(shown["verification"])
    assert "NOT EQUAL" in line
    assert "768 weights compared, 1 different" in line
    assert "3 stray spikes" in line


def test_a_run_that_is_spoilt_is_shown_all_the_same(trained, tmp_path):
    for name in ("experiment.yaml", "metrics.csv", "provenance.json"):
        (tmp_path / name).write_bytes((trained.path / name).read_bytes())
    (tmp_path / "metrics.csv").write_text("epoch\nnonsense\n")
    assert "is damaged" in repr(sb.Run(tmp_path))
    (tmp_path / "experiment.yaml").write_text("name: [")
    assert "model cannot be read" in Tags(sb.Run(tmp_path)._repr_html_()).text
    (tmp_path / "provenance.json").write_text("[]")
    assert repr(sb.Run(tmp_path)).startswith("<Run")


def test_a_text_is_cut_and_has_no_control_characters():
    assert shortened("a\x1b[31m\u202eb\n\tc" + 500 * "x") == "a [31m b c" + 189 * "x" + "…"
    assert shortened(10**6 * " ") == "…"
    assert Summary("a\nb", ("c\x07",)).text() == "<a b: c >".replace(" >", ">")


# ---------------------------------------------------------------- what a program is looked up by


def spec(**changed):
    model = sb.assemble(sb.Experiment.from_file("digits", ["network.sizes=[64, 5, 10]"]))
    return CircuitProgram.of(replace(model.network, **changed)).bare()


def test_a_program_is_looked_up_by_all_of_its_circuit_not_by_the_line_that_people_see():
    circuit = sb.backprop_circuit((64, 5, 10))
    slow = tuple(replace(row, refractory=row.refractory + 1) for row in circuit.populations)
    other = replace(circuit, populations=slow)  # the line says nothing of it
    assert repr(circuit) == repr(other)
    assert written_out(spec(circuit=circuit)) != written_out(spec(circuit=other))


def test_a_spec_is_written_out_with_every_row_and_text():
    text = written_out(spec())
    for row in sb.backprop_circuit((64, 5, 10)).relays:
        assert repr(row) in text
    assert written_out(spec(lines=sb.Lines(sent=("k",)))) != text
    assert written_out({"a": [np.int64(1)], ("b",): ()}) == repr({"a": [np.int64(1)], ("b",): ()})
