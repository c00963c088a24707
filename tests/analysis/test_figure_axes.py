"""Every figure function draws its committed table into a new figure and into given axes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis import rewards, rivals
from analysis.__main__ import main
from analysis.figures import FIGURES
from analysis.prose import gallery
from analysis.shared.output import saved_table
from analysis.shared.panels import in_grid
from analysis.sweeps import sensitivity
from synfire_bp.errors import SynfireError

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "figures"

NO_TABLE = {
    "sweeps/morris": "no committed study has a Morris design",
}
"""Figures whose table is not committed, and why."""

DIRECT = {
    "raster": "a key of phases and shades is drawn below the panels; populations stand at the axis",
    "raster_trained": "as the raster; the heading explains the frames",
    "raster_untrained": "as the raster; the heading explains the frames",
    "concept": "the key is part of the drawing",
    "connectivity": "the key is part of the drawing",
    "weight_copies": "line and dots have their words beside them",
    "confusion": "each cell has its number",
    "misclassified": "each image has its label and answer below it",
    "receptive_fields": "a bar of colours is part of the drawing",
}
"""Figures without a legend: what tells their marks instead."""


def _cases():
    """Yield name, draw function and folder of the table of every figure function there is."""
    for name, entry in FIGURES.items():
        if entry.draw is not None and entry.group != "plugins":
            yield name, name, entry.draw, [FOLDER / entry.group]
    for kind, figure in sensitivity.FIGURES.items():
        if figure.draw is not None:
            yield f"sweeps/{kind}", kind, figure.draw, sorted((FOLDER / "sweeps").iterdir())
    yield "late_reward", "late_reward", rewards.draw, [FOLDER / "learning"]
    yield "rivals", "rivals", rivals.draw, [FOLDER / "learning"]


CASES = {name: case for name, *case in _cases()}


def _table(name: str) -> pd.DataFrame:
    stem, _, folders = CASES[name]
    for folder in folders:
        if (table := saved_table(folder, stem)) is not None:
            return table
    assert name in NO_TABLE, f"{name}: no table is committed, and no reason is given"
    pytest.skip(NO_TABLE[name])


def _named(axis: Axis) -> bool:
    """Whether the ticks of an axis are words, or it has none."""
    texts = [label.get_text() for label in axis.get_majorticklabels()]
    return not len(axis.get_majorticklocs()) or any(re.search("[a-zA-Z]", text) for text in texts)


def _without_label(figure: Figure) -> list[str]:
    missing = []
    for axes in (axes for axes in figure.axes if axes.axison):
        for which in "xy":
            shared = getattr(axes, f"get_shared_{which}_axes")().get_siblings(axes)
            said = [getattr(one, f"get_{which}label")() for one in shared]
            said.append(getattr(figure, f"get_sup{which}label")())
            named = any(_named(getattr(one, f"{which}axis")) for one in shared)
            if not any(said) and not named:
                missing.append(f"{which} of {axes.get_title() or axes.get_label() or axes}")
    return missing


def _explained(figure: Figure) -> bool:
    bars = any(axes.get_label() == "<colorbar>" for axes in figure.axes)
    return bars or bool(figure.legends) or any(axes.get_legend() for axes in figure.axes)


def _check(name: str, figure: Figure) -> None:
    assert isinstance(figure, Figure)
    assert _without_label(figure) == []
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert [text for text in said if re.search(r"\d,\d{3}\.0\b", text)] == []  # counts are whole
    if name in DIRECT:
        assert any(axes.texts for axes in figure.axes)
    else:
        assert _explained(figure)


def _panels_of(draw, table) -> int:
    """Return how many panels a figure has, as its error tells whoever gives no axes."""
    with pytest.raises(SynfireError, match=r"axes: the figure has (\d+) panels?, so") as refused:
        draw(table, axes=[])
    found = re.search(r"has (\d+) panel", str(refused.value))
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("name", CASES)
def test_a_figure_is_drawn_from_its_committed_table_with_labels_and_legend(name):
    _check(name, CASES[name][1](_table(name)))


@pytest.mark.parametrize("name", CASES)
def test_a_figure_is_drawn_into_given_axes_whose_figure_it_returns(name):
    draw, table = CASES[name][1], _table(name)
    n = _panels_of(draw, table)
    figure = Figure(figsize=(3.5 * n, 5))
    given = figure.subplots(1, n, squeeze=False)
    assert draw(table, axes=given if n > 1 else given[0, 0]) is figure
    _check(name, figure)
    for axes in given.flat:
        assert axes.has_data() or axes.texts
    beside = [axes for axes in figure.axes if axes not in set(given.flat)]
    places = [axes.get_position().bounds for axes in given.flat]
    twins = [axes for axes in beside if axes.get_position().bounds in places]
    assert all(axes.get_label() == "<colorbar>" for axes in beside if axes not in twins)
    assert not figure.legends  # they are in the axes


def test_axes_may_be_a_mapping_in_reading_order():
    figure = Figure()
    given = figure.subplot_mosaic("ab;cd")
    panels = in_grid(given, 2, 2, 183, 100)
    assert panels.axes == tuple(given.values()) and panels.figure is figure


@pytest.mark.parametrize(
    ("n", "given", "said"),
    [
        (1, 2, "the figure has 1 panel, so it needs as many axes; 2 given"),
        (3, 2, "the figure has 3 panels, so it needs as many axes; 2 given"),
    ],
)
def test_a_wrong_number_of_axes_is_refused_with_both_numbers(n, given, said):
    with pytest.raises(SynfireError, match=said):
        in_grid(Figure().subplots(1, given), 1, n, 183, 60)


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (Figure(), "must be matplotlib Axes; Figure was given"),
        ("ab", "must be matplotlib Axes; str was given"),
        ([Figure().subplots(), Figure().subplots()], "2 different axes of one figure"),
        (2 * [Figure().subplots()], "2 different axes of one figure"),
    ],
)
def test_what_are_not_axes_of_one_figure_is_refused(axes, said):
    with pytest.raises(SynfireError, match=said):
        in_grid(axes, 1, 2, 183, 60)


def test_given_panels_with_one_axis_share_it():
    left, right = Figure().subplots(1, 2)
    in_grid([left, right], 1, 2, 183, 60, sharey=True)
    left.set_ylim(3, 7)
    assert right.get_ylim() == (3, 7) and right.get_xlim() == (0, 1)


def test_axes_that_share_with_others_are_refused_where_panels_share():
    right = Figure().subplots(1, 2, sharey=True)[1]
    left = right.figure.add_subplot()
    with pytest.raises(SynfireError, match="number 2 of the panels that share their y axis"):
        in_grid([left, right], 1, 2, 183, 60, sharey=True)


def test_a_legend_stands_above_title_and_first_axes_and_keeps_the_one_that_is_there():
    axes = Figure().subplots()
    axes.plot([0, 1], label="line")
    axes.set_title("title")
    within = axes.legend()
    in_grid(axes, 1, 1, 89, 60).legend([Line2D([], [], label="mark")])
    above, title = axes.get_legend().get_window_extent(), axes.title.get_window_extent()
    assert above.y0 > title.y1 > axes.bbox.y1
    assert within in axes.artists or within in axes.get_children()


def test_the_panel_of_the_page_runs(tmp_path, monkeypatch):
    page = (CHECKOUT / "docs" / "figures.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for table in ("digits/learning_curve.csv", "chip/weight_bits.csv"):
        (tmp_path / "figures" / table).parent.mkdir(parents=True)
        shutil.copy(FOLDER / table, tmp_path / "figures" / table)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code.replace("synfire_bp.analysis", "analysis"), names)  # as of a clone
    assert (tmp_path / "two_panels.png").stat().st_size > 10_000
    first: Axes = names["axes"][0]
    assert first.get_xlabel() == "epoch" and first.get_legend() is not None


def test_a_figure_is_drawn_from_the_tables_of_a_folder_without_runs(tmp_path, capsys):
    out = tmp_path / "mine"
    assert main(["bench_cost", "--tables", str(FOLDER), "--out", str(out)]) == 0
    written = out / "bench" / "bench_cost.png"
    assert capsys.readouterr().out == f"bench_cost: {written}\n"
    assert written.read_bytes() == (FOLDER / "bench" / "bench_cost.png").read_bytes()
    assert [path.name for path in written.parent.iterdir()] == ["bench_cost.png"]


def test_a_table_that_is_missing_or_another_one_is_named(tmp_path, capsys):
    assert main(["bench_cost", "--tables", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "bench_cost: there is no such table" in capsys.readouterr().err
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "bench_cost.csv").write_text("a,b\n1,2\n")
    assert main(["bench_cost", "--tables", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "is no table of this figure (KeyError: 'what')" in capsys.readouterr().err
    (tmp_path / "learning").mkdir()
    (tmp_path / "learning" / "depth.csv").write_text("a,b\n1,2\n")
    assert main(["depth", "--tables", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "is no table of this figure (AttributeError: " in capsys.readouterr().err


def test_the_gallery_shows_every_committed_picture_but_those_of_sweeps():
    there = {
        (path.parent.name, path.stem)
        for path in FOLDER.rglob("*.png")
        if path.parent.parent.name != "sweeps"
    }
    assert set(gallery.pictures(FOLDER)) == there
