"""The folder of the figures: it stays light, and whoever links a picture in it finds it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from analysis.figures import FIGURES

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "figures"
MOST = 9_000_000  # bytes
MADE_BY_THE_SITE = "watch_digits.html"
"""A page that the build of the site writes; `make docs` checks the links to it."""
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])


def test_the_folder_of_the_figures_stays_below_9_megabytes():
    sizes = {path: path.lstat().st_size for path in [FOLDER, *FOLDER.rglob("*")]}
    largest = sorted(sizes, key=sizes.__getitem__)[-5:]
    assert sum(sizes.values()) < MOST, f"the largest: {', '.join(map(str, largest))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_is_there(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text) + re.findall(
        r'(?:src|href)="([^"#]+)"', text
    )
    here = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    here = [link for link in here if not link.endswith(f"/{MADE_BY_THE_SITE}")]
    assert [link for link in here if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_figure_that_a_page_names_is_there(page):
    named = re.findall(r"`figures/([\w/]+\.\w+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (FOLDER / name).exists()] == []


def test_the_report_names_the_files_of_its_figures():
    text = (FOLDER / "report.html").read_text(encoding="utf-8")
    named = re.findall(r"rows\): <code>([^<]+)</code>", text)
    assert len(named) > 10
    assert [name for name in named if not (FOLDER / name).exists()] == []


def test_every_committed_figure_lies_in_the_folder_of_its_group_in_the_form_of_its_entry():
    for entry in FIGURES.values():
        found = {path.suffix for path in (FOLDER / entry.group).glob(f"{entry.name}.*")}
        tables, pictures = found & {".csv", ".parquet"}, found & {".png", ".svg"}
        assert len(tables) == 1, entry.name
        wanted = {".png"} if entry.draw else set()
        wanted |= {".svg"} if entry.svg else set()
        assert pictures == wanted, entry.name
    assert {path.parent.name for path in FOLDER.rglob("*.svg")} == {"paper"}


@pytest.mark.parametrize("name", ["digits/raster", "paper/concept", "sweeps/pixel_crop/map"])
def test_committed_pictures_have_a_palette(name):
    with Image.open(FOLDER / f"{name}.png") as picture:
        assert picture.mode == "P" and round(picture.info["dpi"][0]) == 300


def test_a_long_table_can_be_read():
    table = pd.read_parquet(FOLDER / "paper" / "raster_trained.parquet")
    assert {"population", "step", "neuron"} <= set(table) and len(table) > 1000
