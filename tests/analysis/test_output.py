"""Files of figures: pictures through a palette, tables as CSV or Parquet, each name once."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from PIL import Image

from analysis import figures
from analysis.moved import MOVED
from analysis.shared import output, style
from analysis.shared.command import command
from analysis.shared.entry import Entry
from analysis.shared.output import save, table_file
from analysis.shared.pictures import small_png
from synfire_bp.errors import SynfireError

CHECKOUT = Path(__file__).parents[2]
ANALYSIS = CHECKOUT / "analysis"

# -- pictures ----------------------------------------------------------------------------------


def back(content):
    with Image.open(io.BytesIO(content)) as picture:
        return picture.mode, np.asarray(picture.convert("RGB")).astype(int)


def furthest(one, other):
    return np.sqrt(((one - other) ** 2).sum(axis=-1)).max()


@given(arrays(np.uint8, (8, 9, 3)))
@settings(max_examples=50)
def test_a_picture_of_few_colours_is_near_to_itself_in_every_pixel(pixels):
    mode, found = back(small_png(Image.fromarray(pixels, "RGB")))
    assert mode == "P"
    assert furthest(found, pixels.astype(int)) <= 16


def test_large_areas_keep_their_colours_though_there_are_a_thousand_others():
    rng = np.random.default_rng(0)
    pixels = np.full((300, 300, 3), 255)
    pixels[20:60, 20:60], pixels[80:120, 20:60] = (1, 115, 178), (2, 115, 178)
    pixels[200:250, 100:200] = rng.integers(0, 256, (50, 100, 3))
    _, found = back(small_png(Image.fromarray(pixels.astype(np.uint8), "RGB")))
    np.testing.assert_array_equal(found[:190], pixels[:190])


def test_a_bar_of_colours_stays_smooth():
    pixels = np.full((600, 300, 3), 255)
    shades = np.linspace(0, 255, 512).round().astype(int)
    pixels[40:552, 100:140] = np.stack([shades, shades // 2, 255 - shades], axis=-1)[:, None]
    _, found = back(small_png(Image.fromarray(pixels.astype(np.uint8), "RGB")))
    assert furthest(found, pixels) <= 4


def test_what_is_not_opaque_lies_on_white():
    pixels = np.zeros((4, 4, 4), dtype=np.uint8)
    pixels[:2] = (200, 0, 0, 255)
    _, found = back(small_png(Image.fromarray(pixels, "RGBA")))
    assert (found[:2] == (200, 0, 0)).all() and (found[2:] == 255).all()


# -- tables ------------------------------------------------------------------------------------


def long_table(rows=5000):
    rng = np.random.default_rng(1)
    return pd.DataFrame({"run": np.arange(rows), "accuracy": rng.random(rows),
                         "step": pd.array([None, *range(1, rows)], dtype="Int64"),
                         "what": rng.choice(["a", "b"], rows)})  # fmt: skip


def test_a_short_table_is_csv_and_a_long_one_parquet_with_the_same_numbers():
    table = long_table()
    name, content = table_file(table, "x")
    assert name == "x.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(content)), table)
    assert table_file(table, "x")[1] == content, "the same table, the same bytes"
    name, content = table_file(table.head(20), "x")
    assert (name, content) == ("x.csv", table.head(20).to_csv(index=False).encode())


def test_a_table_that_parquet_makes_no_smaller_stays_csv():
    wide = pd.DataFrame(np.zeros((40, 900), dtype=int), columns=[f"p0_{k}" for k in range(900)])
    wide += np.random.default_rng(2).integers(0, 2, wide.shape)
    text = wide.to_csv(index=False).encode()
    assert len(text) > output._LARGE
    assert table_file(wide, "x") == ("x.csv", text)


def test_numbers_and_words_in_one_column_are_words_in_a_long_table():
    table = long_table().assign(value=lambda t: [*t["run"][:-1], "none"]).astype({"value": object})
    name, content = table_file(table, "x")
    assert name == "x.parquet"
    assert (
        pd.read_parquet(io.BytesIO(content))["value"].tolist() == table["value"].map(str).tolist()
    )


def test_no_table_of_an_earlier_drawing_is_left_in_the_other_form(tmp_path):
    save(None, long_table(), tmp_path, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]
    save(None, long_table(3), tmp_path, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


# -- names -------------------------------------------------------------------------------------


@style.applied()
def dots(numbers):
    figure = style.new_figure(style.SINGLE_COLUMN, 40)
    figure.add_subplot().plot(numbers["x"], "o")
    return figure


MINE = Entry(
    name="mine", group="my_group", title="Mine", caption="Of nothing.",
    numbers=lambda runs: pd.DataFrame({"x": [1, 2]}), draw=dots,
)  # fmt: skip


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(figures.FIGURES, "_entries", dict(figures.FIGURES))
    figures.register(MINE)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", ["mine", "my_group"])
def test_a_figure_registered_elsewhere_is_drawn_by_its_name_and_that_of_its_group(tmp_path, name):
    from analysis.__main__ import main

    assert main([name, "--runs", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    written = {path.name for path in (tmp_path / "out" / "my_group").iterdir()}
    assert written == {"mine.png", "mine.csv"}


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("name", "group"),
    [("mine", "my_group"), ("concept", "my_group"), ("paper", "my_group"), ("report", "my_group"),
     ("other", "concept"), ("other", "sensitivity")],
)  # fmt: skip
def test_a_name_that_is_taken_is_refused(name, group):
    with pytest.raises(SynfireError, match=r"is taken|is registered already"):
        figures.register(replace(MINE, name=name, group=group))
    assert "other" not in figures.FIGURES


def test_a_figure_that_takes_long_is_not_drawn_by_the_name_of_its_group(tmp_path, capsys):
    from analysis.__main__ import _single

    assert _single(["variants"]) == ["variants", "disturbances", "table_depth"]
    assert _single(["chain_reliability", "variants"])[0] == "chain_reliability"


# -- old paths ---------------------------------------------------------------------------------


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_path_warns_and_hands_out_the_names_of_the_new_one(old, monkeypatch):
    monkeypatch.delitem(sys.modules, f"analysis.{old}", raising=False)
    (new,) = MOVED[old]
    with pytest.warns(DeprecationWarning, match=rf"import from analysis\.{new}$"):
        module = import_module(f"analysis.{old}")
    heir = import_module(f"analysis.{new}")
    for name in heir.__all__:
        assert getattr(module, name) is getattr(heir, name)


@pytest.mark.parametrize(
    ("old", "new"),
    [("chip_runs", "chip.runs"), ("variant_table", "variants.table"), ("paper_runs", "paper.runs")],
)
def test_an_old_command_warns_and_does_what_the_new_one_does(old, new):
    done = subprocess.run(
        [sys.executable, "-m", f"analysis.{old}", "--help"],
        cwd=CHECKOUT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert f"usage: python -m analysis.{new}" in done.stdout
    assert f"python -m analysis.{old} is old; use python -m analysis.{new}" in done.stderr


def test_what_never_was_is_not_found():
    with warnings.catch_warnings(), pytest.raises(ModuleNotFoundError):
        warnings.simplefilter("error")
        import_module("analysis.never_was")


# -- who knows whom ----------------------------------------------------------------------------


def known_parts(file):
    """Return the parts of analysis from which a file of a part imports, by its relative imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            yield from [node.module.split(".")[0]] if node.module else (n.name for n in node.names)
        if isinstance(node, ast.Import):
            assert not any(name.name.split(".")[0] == "analysis" for name in node.names), file
        if isinstance(node, ast.ImportFrom):
            assert node.level or (node.module or "").split(".")[0] != "analysis", file


@pytest.mark.parametrize("part", ["paper", "chip", "variants", "sweeps", "shared"])
def test_a_part_of_analysis_knows_no_other_but_what_all_share(part):
    files = list((ANALYSIS / part).glob("*.py"))
    assert len(files) > 3
    for file in files:
        assert set(known_parts(file)) <= ({"shared"} if part != "shared" else set()), file


# -- tables --------------------------------------------------------------------------------------


def test_a_table_of_a_folder_that_is_not_there_is_refused_by_the_folders_name(tmp_path):
    with pytest.raises(SynfireError, match="no-such: there is no such folder; it has to hold"):
        output.saved_table(tmp_path / "no-such", "table")
    assert output.saved_table(tmp_path, "table") is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "the table has no rows"),
        (",\n,\n", "the table holds no number"),
        ("1,0.5\n2,half\n3,0.25\n", "column y: 'half' is no number"),
    ],
)
def test_a_table_without_numbers_or_with_words_among_them_draws_no_figure(tmp_path, rows, said):
    def draw(table):
        raise AssertionError("it is drawn")

    group = tmp_path / "group"
    group.mkdir()
    (group / "one.csv").write_text("x,y\n" + rows)
    entry = Entry(
        name="one", group="group", title="", caption="", numbers=lambda _: None, draw=draw
    )
    with pytest.raises(SynfireError, match=said):
        output.redraw_entry(entry, tmp_path, tmp_path)


def test_a_command_gives_a_line_and_a_code_for_a_mistake_and_none_for_success(capsys):
    @command("name")
    def main(arguments=None):
        if arguments:
            raise SynfireError(f"{arguments[0]} is wrong")

    assert main() == 0
    assert main(["it\x1b"]) == 1
    assert capsys.readouterr().err == "name: it\\x1b is wrong\n"
