"""Numbers of the pages: marked, filled in from committed tables, and none without one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.prose import merit
from analysis.prose.__main__ import main
from analysis.prose.blocks import Block
from analysis.prose.marks import written
from analysis.prose.pages import Prose

CHECKOUT = Path(__file__).parents[2]

NUMBERS = """\
views:
  ends: {from: study/runs.csv, where: {epoch: {largest: true}}}
numbers:
  median: {from: ends, median: accuracy}
  collapsed: {from: ends, where: {accuracy: {below: 50}}, distinct: seed}
  lowest: {from: ends, where: {accuracy: {at_least: 50}}, min: accuracy, rounded: down}
  first: {from: study/runs.csv, where: {epoch: 1, seed: 0}, value: accuracy}
  gain: {difference: [median, first]}
  best: {from: study/runs.csv, each: {by: [seed], max: accuracy}, having: {accuracy: {above: 95}},
         count: rows}
  upper: {from: ends, quantile: {of: accuracy, at: 0.5}}
  share: {ratio: [collapsed, best], times: 100}
facts:
  - {says: the paper's 96.3 %, why: paper}
"""
PAGE = """\
# A page

The median is 1.0<!--=median--> %, +9.9<!--=gain--> points more than 50.0<!--=first--> % at first.
One<!--=collapsed--> seed collapses, no other is below 1<!--=lowest--> %, two<!--=best--> of
3 reach the paper's 96.3 %. The upper one is at 96.2<!--=upper--> %, or 7<!--=share--> %.
"""
RIGHT = """\
# A page

The median is 96.2<!--=median--> %, +46.2<!--=gain--> points more than 50.0<!--=first--> % at first.
One<!--=collapsed--> seed collapses, no other is below 96<!--=lowest--> %, two<!--=best--> of
3 reach the paper's 96.3 %. The upper one is at 96.2<!--=upper--> %, or 50<!--=share--> %.
"""


@pytest.fixture
def clone(tmp_path):
    for folder in ("docs/numbers", "figures/study"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "README.md").write_text("# Nothing to see\n")
    rows = {"seed": [0, 1, 2, 0, 1, 2], "epoch": [1, 1, 1, 2, 2, 2],
            "accuracy": [50.0, 60, 70, 96.2, 10, 96.94]}  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "figures/study/runs.csv", index=False)
    (tmp_path / "docs/page.md").write_text(PAGE)
    (tmp_path / "docs/numbers/page.yaml").write_text(NUMBERS)
    return tmp_path


def check(clone: Path) -> list[str]:
    return Prose(clone, ()).problems()


# -- the pages of this repository -------------------------------------------------------------


def test_every_number_of_the_pages_is_that_of_its_table_and_no_figure_of_merit_is_without_one():
    assert Prose(CHECKOUT).problems() == []


# -- fill and check ---------------------------------------------------------------------------


def test_numbers_are_filled_in_from_their_tables_in_the_form_that_stands_there(clone):
    Prose(clone, ()).fill()
    text = (clone / "docs/page.md").read_text()
    assert text == RIGHT


def test_a_check_writes_nothing_and_tells_place_number_and_what_is_right(clone, capsys):
    assert main(["--check", "--root", str(clone)]) == 1
    assert (clone / "docs/page.md").read_text() == PAGE
    said = capsys.readouterr().err
    assert "docs/page.md:3: median: 1.0 stands, 96.2 is right" in said
    assert "docs/page.md:3: gain: +9.9 stands, +46.2 is right" in said
    assert "first" not in said


def test_a_changed_table_is_told(clone):
    (clone / "docs/page.md").write_text(RIGHT.replace("of\n3 reach", "which reach"))
    assert check(clone) == []
    table = clone / "figures/study/runs.csv"
    table.write_text(table.read_text().replace("96.2", "97.2"))
    assert any("median: 96.2 stands, 96.9 is right" in problem for problem in check(clone))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("median: accuracy}", "median: acuracy}", "there is no column 'acuracy'"),
        ("study/runs.csv, where: {epoch: 1", "study/none.csv, where: {epoch: 1", "is no table"),
        ("{epoch: 1, seed: 0}", "{epoch: 7}", "no row of the table is as asked for"),
        ("{epoch: 1, seed: 0}", "{epoch: 1}", "hold 3 values of accuracy, not one"),
        ("[median, first]", "[median, gain]", "is made from itself"),
        ("count: rows", "count: rows, max: epoch", "must ask for one statistic, not for max, cou"),
        ("why: paper", "why: surely", "why must begin with one of definition"),
        ("at: 0.5", "at: 5", "less than or equal to 1"),
        ("{from: ends, median", "{fron: ends, median", "Extra inputs are not permitted"),
        ("  first:", "  fist:", "first: there is no number of this name"),
        ("facts:", "  spare: {from: ends, count: rows}\nfacts:", "spare: stands in no page"),
        ("the paper's 96.3 %", "the paper's 97.5 %", "does not say 'the paper's 97.5 %'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_of_numbers_is_told_with_its_place(clone, old, new, said, capsys):
    assert old in NUMBERS
    (clone / "docs/numbers/page.yaml").write_text(NUMBERS.replace(old, new, 1))
    assert main(["--check", "--root", str(clone)]) == 1
    shown = capsys.readouterr().err
    assert said in shown and "docs/numbers/page.yaml" in shown


def test_a_mark_without_a_number_or_in_code_is_told(clone):
    page = clone / "docs/page.md"
    page.write_text(PAGE + "\nMore than %<!--=median-->.\n\n    96.2<!--=median--> %\n")
    wrong = [problem for problem in check(clone) if "must stand right behind a number" in problem]
    assert [problem.split(":")[1] for problem in wrong] == ["7", "9"]


def test_a_page_can_take_a_number_of_another_one(clone):
    readme = clone / "README.md"
    readme.write_text("The median is 0.00<!--=page/median--> %.\n")
    Prose(clone, ()).fill()
    assert readme.read_text() == "The median is 96.20<!--=page/median--> %.\n"


def test_a_table_of_a_page_is_made_from_its_committed_table(clone):
    def make(figures: Path) -> str:
        return pd.read_csv(figures / "study/runs.csv")["seed"].max().astype(str) + "\n"

    block = Block("page", "<!-- begin of it -->", "<!-- end of it -->", "study/runs.csv", make)
    page = clone / "docs/page.md"
    page.write_text("<!-- begin of it -->\n\n7\n\n<!-- end of it -->\n")
    told = [problem for problem in Prose(clone, (block,)).problems() if "the table" in problem]
    assert told == ["docs/page.md:1: the table differs from study/runs.csv"]
    assert "docs/page.md:1: no block makes this table" in Prose(clone, ()).problems()
    Prose(clone, (block,)).fill()
    assert page.read_text() == "<!-- begin of it -->\n\n2\n\n<!-- end of it -->\n"


# -- how numbers are written ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "like", "text"),
    [
        (96.25, "95.8", "96.2"), (0.3, "+9.99", "+0.30"), (-5.011, "+1.00", "-5.01"),
        (12_345.6, "9", "12,346"), (2, "Three", "Two"), (37, "three", "37"), (0, "none", "none"),
        (0, "two", "zero"), (-0.001, "0.1", "0.0"), (2.5, "three", "2.5"), (1000, "1,438", "1,000"),
    ],
)  # fmt: skip
def test_a_number_takes_the_form_of_the_one_that_stands_there(value, like, text):
    assert written(value, like) == text


def test_a_bound_is_rounded_away_from_what_it_bounds():
    assert written(94.86, "94", "down") == "94"
    assert written(95.01, "94", "up") == "96"
    assert written(0.1 + 0.2, "0.3", "up") == "0.3"


# -- figures of merit -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("It reaches 96.3 % and costs 4 points.", ["96.3", "4"]),
        ("From 90 to 95 % of the time", ["90", "95"]),
        ("pools of 1, 16, 64 reach 90.8, 92.2, 86.6 %", ["1", "16", "64", "90.8", "92.2", "86.6"]),
        ("with 81 (70-92) per cent", ["81", "70", "92"]),
        ("Two seeds of five collapse.", ["Two"]),
        ("One of ten digits is lost.", ["One", "ten"]),
        ("0 of 96,800 weights differ", ["0", "96,800"]),
        ("It takes 0.044 ms on one core, 3 times less.", ["0.044", "one", "3"]),
        ("relays cost 20 points, gates that fail 10", ["20", "10"]),
        ("an angle of 51°", ["51"]),
        ("Renner et al. (2024) trained 400-400-10 for 60 epochs.", []),
        ("After 10 epochs in 2024 it is 5 %.", ["5"]),
        ("The threshold is 512; phase 6 comes after phase 5.", []),
        ("`96.3 %` is code", []),
        ("    synfire-bp bench  # 3 times", []),
        ("[3 cores](https://a.b/c-3.5) and 96.3<!--=name--> %", ["3"]),
    ],
)
def test_figures_of_merit_are_found(prose, found):
    figures = list(merit.figures(merit.plain(prose)))
    assert [figure.text for figure in figures] == found


def test_tables_that_a_command_writes_are_left_to_it():
    text = "<!-- begin of the table: x -->\n| 96.3 % |\n<!-- end of it -->\n97.5 %\n"
    assert [figure.line for figure in merit.figures(merit.plain(text))] == [4]
