"""The report without runs: the committed page is what the committed tables and pictures give."""

from __future__ import annotations

import base64
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.__main__ import main
from analysis.figures import FIGURES, report_entries
from analysis.paper.report import redraw_report
from analysis.shared import style
from analysis.shared.output import entry_table
from synfire_bp.errors import RunDirectoryError

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "figures"
REDRAW = "; draw it with: python -m analysis table_literature report --tables figures"
IMAGE = re.compile(r"<img [^>]*>")
VERSIONS = re.compile(r"<h3>Drawn with</h3>\n<p>.*</p>")
FEW = {name: FIGURES[name] for name in ("weight_copies", "table_accuracy", "table_cross_check")}
BESIDE = ("report", "report_runs", "report_checksums", "report_undrawn")


@style.applied()
def blank(numbers):
    return style.new_figure(style.SINGLE_COLUMN, 10)


def without_pictures(page):
    text = page.read_text(encoding="utf-8")
    return VERSIONS.sub("", IMAGE.sub("<img>", text)).splitlines()


def test_the_committed_report_is_what_the_committed_tables_give(tmp_path, monkeypatch):
    monkeypatch.chdir(CHECKOUT)  # the page names the folder in its commands
    entries = {
        name: replace(entry, draw=entry.draw and blank) for name, entry in report_entries().items()
    }
    page = redraw_report(Path("figures"), tmp_path, entries)
    assert without_pictures(page) == without_pictures(FOLDER / "report.html"), REDRAW


def test_the_committed_report_shows_the_committed_pictures():
    text = (FOLDER / "report.html").read_text(encoding="utf-8")
    parts = re.split(r'<figure id="(\w+)">', text)[1:]
    shown = {
        name: re.search(r'<img src="data:image/png;base64,([^"]+)"', part)
        for name, part in zip(parts[::2], parts[1::2], strict=True)
    }
    assert set(shown) == set(report_entries())
    for name, entry in report_entries().items():
        assert (shown[name] is None) == (entry.draw is None), name
        if shown[name]:
            ours = io.BytesIO(base64.b64decode(shown[name][1]))
            apart = np.abs(small(ours) - small(FOLDER / entry.group / f"{name}.png"))
            assert apart.mean() < 2 and apart.max() < 18, f"{name}{REDRAW}"  # of 255


def small(file):
    """A picture in 30 by 30 grey pixels, whatever its resolution."""
    with Image.open(file) as image:
        return np.asarray(image.convert("L").resize((30, 30), Image.Resampling.BOX), dtype=float)


def test_the_row_of_graded_errors_in_table_1_is_that_of_its_study():
    study = pd.read_csv(FOLDER / "learning" / "mnist_fine_graded_circuit.csv")
    committed = pd.read_csv(FOLDER / "paper" / "table_literature.csv")
    (row,) = committed[committed["method"] == "spiking circuit, graded errors"].to_dict("records")
    assert row["accuracy_mean_percent"] == pytest.approx(sum(study["argmax_percent"]) / len(study))
    potential = sum(study["potential_percent"]) / len(study)
    assert row["accuracy_potential_mean_percent"] == pytest.approx(potential)
    made = entry_table(FIGURES["table_literature"], FOLDER)
    pd.testing.assert_frame_equal(made.replace("", np.nan), committed, check_dtype=False)


@pytest.fixture
def tables(tmp_path):
    """The tables that the report of a few entries needs, and no others."""
    folder = tmp_path / "figures"
    (folder / "paper").mkdir(parents=True)
    for name in BESIDE:
        shutil.copy(FOLDER / f"{name}.csv", folder)
    for name in FEW:
        shutil.copy(FOLDER / "paper" / f"{name}.csv", folder / "paper")
    return folder


def test_every_figure_and_table_is_in_the_page_and_the_same_again_to_the_byte(tables, tmp_path):
    page = redraw_report(tables, tmp_path / "one", FEW)
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r'<figure id="(\w+)">', text)) == set(FEW)
    assert text.count('<img src="data:image/png;base64,') == 1
    rows = pd.read_csv(tables / "paper" / "table_cross_check.csv")
    assert f"of {rows['weights_compared'].sum():,}" in text
    numbers, runs = (pd.read_csv(tables / f"{name}.csv") for name in BESIDE[:2])
    assert text.count("<tr data-key=") == len(numbers)
    assert [name for name in runs["run"] if f">{name}</td>" not in text] == []
    again = redraw_report(tables, tmp_path / "two", FEW)
    assert again.read_bytes() == page.read_bytes()


@pytest.mark.parametrize("name", [*BESIDE, *(f"paper/{name}" for name in FEW)])
def test_a_table_that_is_missing_is_named_and_no_page_is_written(tables, tmp_path, name):
    (tables / f"{name}.csv").unlink()
    with pytest.raises(RunDirectoryError, match=rf"figures/{name}(\.csv)?: .*make it"):
        redraw_report(tables, tmp_path / "out", FEW)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", BESIDE)
def test_a_table_of_something_else_is_named_with_what_it_lacks(tables, tmp_path, name):
    (tables / f"{name}.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RunDirectoryError, match=rf"{name}\.csv: is no table of the report; lacks"):
        redraw_report(tables, tmp_path / "out", FEW)


def test_what_could_not_be_drawn_from_the_runs_is_listed_with_the_reason(tables, tmp_path):
    file = tables / "report_undrawn.csv"
    file.write_text("entry,why,then\nweight_copies,no such run <there>,python -m analysis x\n")
    text = redraw_report(tables, tmp_path, FEW).read_text(encoding="utf-8")
    assert '<li id="weight_copies">' in text and '<figure id="weight_copies">' not in text
    assert "no such run &lt;there&gt;" in text and "data:image" not in text


def test_on_the_command_line_a_missing_table_is_a_message_and_exit_code_1(tables, capsys):
    assert main(["report", "--tables", str(tables), "--out", str(tables)]) == 1
    said = capsys.readouterr().err
    assert "figure 'report' cannot be drawn:" in said and "there is no such table" in said
