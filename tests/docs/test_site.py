"""What the documentation site is made with: references, links, commands of the pages."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from site_build import command_line, commands, inventories, links, pages, repository
from site_build.followed import Followed

from synfire_bp.model.experiment import json_schema

PROJECT = Path(__file__).parents[2]


def schema_of(key):
    """The schema of a key, such as "gating.noise"."""
    schema = json_schema()
    about = {"properties": schema["properties"]}
    for part in key.split("."):
        about = about["properties"][part]
        for one in (about, *about.get("anyOf", ())):
            if "$ref" in one:
                about = schema["$defs"][one["$ref"].rpartition("/")[2]]
    return about


# ---------------------------------------------------------------- commands of the pages


def test_commands_are_read_without_their_comments_and_files_under_their_names():
    text = (
        "Save it as `mine.yaml`:\n\n```yaml\nname: mine\n```\n\n```sh\nmake all  # of it\n"
        "# nothing\nsynfire-bp train mine.yaml\n```\n\n```python\nprint(1)\n```\n"
    )
    assert list(commands.read(text)) == [
        commands.File("mine.yaml", "name: mine\n"),
        commands.Command("make all", 8),
        commands.Command("synfire-bp train mine.yaml", 10),
        commands.Script(1, "print(1)\n", 14),
    ]


def test_every_entry_about_commands_is_of_a_command_that_a_page_has():
    found = {
        part.text
        for page in commands.pages(PROJECT)
        for part in commands.read(page.read_text(encoding="utf-8"))
        if isinstance(part, commands.Command)
    }
    assert len(found) > 50
    assert commands.Plan.read(PROJECT / "docs" / "commands.yaml").unused(found) == []


def test_a_reason_is_told_for_a_command_and_for_all_that_begin_alike():
    plan = commands.Plan({}, {}, {"make all": "hours", "dask *": "a cluster"})
    assert plan.reason("make all") == "hours"
    assert plan.reason("make all tests") is None
    assert plan.reason("dask worker") == "a cluster"
    assert plan.unused({"make all"}) == ["dask *"]


@pytest.mark.parametrize(
    "command", ["make reproduce", "python -m analysis variants", ". .venv/bin/activate"]
)
def test_what_only_a_clone_has_runs_in_one(command):
    assert commands.in_clone(command)
    assert not commands.in_clone("synfire-bp train digits")


# ---------------------------------------------------------------- links


def test_links_to_nothing_are_found(tmp_path):
    (tmp_path / "index.html").write_text(
        '<h1 id="a">A</h1><a href="#a">1</a><a href="#b">2</a><a href="other.html#c">3</a>'
        '<a href="gone.html">4</a><a href="https://example.org/x">5</a><img src="no.png">'
    )
    (tmp_path / "other.html").write_text('<p id="c">')
    assert list(links.broken(tmp_path)) == [
        "index.html: #b: no such place in that page",
        "index.html: gone.html: no such file",
        "index.html: no.png: no such file",
    ]
    assert links.main(tmp_path) == 1
    assert links.main(tmp_path / "nothing") == 1


def test_links_into_the_repository_become_links_of_the_site(tmp_path):
    docs = tmp_path / "docs"
    for folder in ("docs/project", "models", "code"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "code" / "a.py").write_text("")
    text = (
        "[page](docs/chip.md#cost) [folder](models) [file](code/a.py) ![picture](a.png)\n"
        "[rules](CONTRIBUTING.md) [parts](README.md#how-the-code-is-organised)\n"
        "```\n[code](models)\n```\n[web](https://example.org)\n"
    )
    page = docs / "project" / "code.md"
    assert repository.relinked(text, tmp_path, page, docs) == (
        "[page](../chip.md#cost) folder [file](../../code/a.py) ![picture](a.png)\n"
        "[rules](contributing.md) [parts](code.md)\n"
        "```\n[code](models)\n```\n[web](https://example.org)\n"
    )


def test_the_report_is_linked_where_the_site_has_it(tmp_path):
    docs = tmp_path / "docs"
    page = docs / "project" / "report.md"
    text = '<a href="../../figures/report.html">it</a> <a href="x.html">other</a>'
    assert repository.relinked(text, page.parent, page, docs) == (
        '<a href="../report.html">it</a> <a href="x.html">other</a>'
    )


def test_a_section_ends_where_the_next_one_begins():
    text = "# A\n\n## B `c`\n\nhere\n\n### D\n\ntoo\n\n## E\n\nnot\n"
    assert repository.section(text, "b-c").split() == ["here", "###", "D", "too"]
    with pytest.raises(ValueError, match="no heading has the anchor 'x'"):
        repository.section(text, "x")


def test_every_page_that_shows_a_file_of_the_repository_is_there():
    for name, page in repository.SHOWN_BY.items():
        assert (PROJECT / name.partition("#")[0]).is_file()
        assert (PROJECT / "docs" / page).is_file()


def test_an_inventory_is_what_sphinx_reads():
    head, _, body = inventories.packed("brian2", ["brian2.ms py:data units.html#$"]).partition(
        b"zlib.\n"
    )
    assert head.startswith(b"# Sphinx inventory version 2\n# Project: brian2\n# Version: ")
    assert zlib.decompress(body) == b"brian2.ms py:data 1 units.html#$ -\n"


# ---------------------------------------------------------------- references


def test_the_command_line_page_has_every_command_and_option():
    text = "\n".join(command_line.page())
    for words in ("``--engine NAME``", "``--resume / --no-resume``", ".. _command-data-fetch:"):
        assert words in text


def test_what_is_shown_as_it_is_has_no_markup():
    assert pages.escaped("a_b *c* `d` |e|") == r"a\_b \*c\* \`d\` \|e\|"


@pytest.fixture(scope="module")
def followed():
    return Followed()


@pytest.mark.parametrize(
    "key, follows",
    [
        ("synapses.dale", True),
        ("training.epochs", True),
        ("gating.noise", False),
        ("neuron.membrane_noise", False),
        ("hardware.weight_bits", False),
        ("neuron.membrane_time", None),
    ],
)
def test_the_reference_tells_which_keys_the_algorithm_in_integers_follows(followed, key, follows):
    found, reasons = followed.verdict(key, schema_of(key))
    assert found is follows
    assert bool(reasons) == (follows is not True)


def test_every_key_in_physical_units_has_its_unit_as_data():
    words = {"ms": "ms", "mV": "mV", "MΩ": "megaohm"}
    for name, about in schema_of("neuron")["properties"].items():
        told = [unit for unit, word in words.items() if f" in {word}" in about["description"]]
        assert told == [] or about.get("unit") in told, name
