"""The table of what deeper circuits take: no number is written, all are counted."""

from __future__ import annotations

import pytest

from analysis.figures import FIGURES, report_entries
from analysis.variants import depth_table
from analysis.variants.depth_table import BEGIN, END, depths, main, table
from synfire_bp.circuit.deep import deep_circuit
from synfire_bp.loihi.placement import place


@pytest.fixture(scope="module")
def numbers():
    return depths((2, 3))


def test_every_row_is_counted_from_its_circuit(numbers):
    paper, two, three = (row for row in numbers.itertuples())
    assert (paper.circuit, paper.phases, paper.neurons, paper.learning_synapses) == (
        "paper", 12, 3282, 500_000,
    )  # fmt: skip
    assert (two.phases, three.phases, three.inference_phases) == (13, 19, 5)
    circuit = deep_circuit((400, 400, 400, 10))
    assert three.sizes == "400-400-400-10"
    assert three.neurons == circuit.n_neurons
    assert three.populations == len(circuit.populations) == 25
    assert three.learning_synapses == 3 * 160_000 + 5 * 160_000 + 5 * 4_000
    assert three.cores == place(circuit).n_cores


def test_what_no_chip_holds_has_no_cores(monkeypatch):
    monkeypatch.setattr(depth_table, "HIDDEN", 1600)
    deep = depths((4,)).iloc[-1]
    assert (deep["sizes"], deep["fills"]) == ("400-1600-1600-1600-10", "more than the chip has")
    assert deep.isna()["cores"]
    assert "| too many |" in table(depths((4,)))


def test_the_table_is_printed_and_put_between_its_comments(numbers, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(depth_table, "depths", lambda: numbers)
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed == table(numbers)
    assert printed.count("\n| ") == 5
    assert "| 3 | 19 | 25 | 7,289 | 1,300,000 |" in printed
    file = tmp_path / "variants.md"
    file.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert main(["--into", str(file)]) == 0
    assert file.read_text() == f"before\n{BEGIN}\n\n{printed}\n{END}\nafter\n"
    file.write_text("nothing\n")
    assert main(["--into", str(file)]) == 1
    assert main(["--into", str(tmp_path / "none.md")]) == 1
    assert "must hold, once each" in capsys.readouterr().err


def test_the_table_is_one_of_the_entries():
    assert FIGURES["table_depth"].draw is None
    assert report_entries()["table_depth"] is FIGURES["table_depth"]
