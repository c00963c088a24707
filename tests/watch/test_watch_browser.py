"""The page in a browser: what it draws is what it holds; keys, clicks, sliders; small screens."""

from __future__ import annotations

import json

import numpy as np
import pytest
from browser import Browser, find_chromium
from watch_pages import fired, page_of

from synfire_bp.watch.recording import bits

WIDTHS = ((1366, False), (768, False), (360, True))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium here: the page was not looked at (apt-get install chromium)")
    with Browser(chromium, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def shown(browser, page):
    """The page of the small run, in a wide window."""
    browser.said.clear()
    browser.asked.clear()
    browser.show(page, 1366)
    yield browser
    assert browser.said == []
    assert [address for address in browser.asked if not address.startswith("file:")] == []


def slide(browser, name, value):
    browser.value(f"""(() => {{ const slider = document.getElementById({name!r});
        slider.value = {value}; slider.dispatchEvent(new Event('input')); }})()""")


def text(browser, name):
    return browser.value(f"document.getElementById({name!r}).textContent")


LIT = """JSON.stringify(Object.fromEntries([...document.querySelectorAll('.box')].map(box => {
    const squares = box.querySelector('.lit').getAttribute('d') ?? '';
    return [box.dataset.name, squares.split('M').length - 1];
})))"""
NUMBERS = """[...document.querySelectorAll('.pill')].map(
    pill => pill.getAttribute('visibility') == 'visible' ? pill.textContent : '').filter(Boolean)"""
POINT = """document.querySelector('[data-name="d+"]').dispatchEvent(
    new PointerEvent('pointer%s', {pointerType: 'mouse'}))"""
TABLE = """[...document.querySelectorAll('#answer tbody tr')].map(
    row => [...row.children].map(cell => cell.textContent))"""


def drawn(browser):
    """Return, per population, how many squares are lit."""
    return json.loads(browser.value(LIT))


def recorded(about, stop, sample, phase):
    """Return, per population, how many fire by the data."""
    spikes = about["records"][stop][sample]["spikes"]
    return {
        row["name"]: int(fired(spikes.get(row["name"], {}).get(str(phase), ""), row["size"]).sum())
        for row in about["populations"]
    }


def test_every_phase_of_every_sample_and_stop_lights_those_that_fired(shown, about):
    for stop in range(len(about["stops"])):
        slide(shown, "stop", stop)
        for sample in (0, 3):
            shown.value(f"document.querySelectorAll('#samples input')[{sample}].click()")
            for phase in range(12):
                slide(shown, "phase", phase)
                assert drawn(shown) == recorded(about, stop, sample, phase)


def test_synapses_that_learn_show_how_many_grow_and_shrink(shown, about):
    sample = max(range(4), key=lambda j: len(about["records"][0][j]["learning"]))
    shown.value(f"document.querySelectorAll('#samples input')[{sample}].click()")
    learning = about["records"][0][sample]["learning"]
    assert learning
    for phase in range(12):
        slide(shown, "phase", phase)
        assert shown.value(NUMBERS) == [
            f"+{up}" if up else f"−{down}" if down else "±0"
            for at, _, _, up, down in learning
            if at == phase
        ]


def test_keys_buttons_and_the_slider_step_through_the_phases(shown):
    def phase():
        return int(shown.value("document.getElementById('phase').value"))

    assert "Phase 0 (0 to 11)" in text(shown, "number")
    for key, expected in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 11),
                          ("ArrowRight", 0), ("ArrowLeft", 11), ("Home", 0)):  # fmt: skip
        shown.press(key)
        assert phase() == expected
    shown.value("document.getElementById('next').click()")
    shown.value("document.getElementById('next').click()")
    shown.value("document.getElementById('back').click()")
    assert phase() == 1
    slide(shown, "phase", 5)
    assert text(shown, "meaning") == "Memory of h meets d+: W2 and its transposes grow."
    assert "Memory of h meets d+" in text(shown, "spoken")
    shown.value("document.querySelectorAll('#raster button')[9].click()")
    assert phase() == 9


def test_it_plays_and_pauses(shown):
    shown.press(" ")
    assert text(shown, "play") == "Pause"
    moved = """new Promise(done => {
        const look = () => document.getElementById('phase').value > 0 ? done(true)
            : setTimeout(look, 50);
        look();
    })"""
    assert shown.value(moved)
    shown.value("document.getElementById('play').click()")
    assert text(shown, "play") == "Play"


def test_the_keyboard_reaches_every_population_and_keeps_its_rows(shown, about):
    reached = []
    shown.value("document.getElementById('phase').focus()")
    for row in about["populations"]:
        shown.press("Tab")
        reached.append(shown.value("document.activeElement.dataset.name"))
        assert text(shown, "rows").startswith(f"{row['name']}: {row['role']}")
    assert reached == [row["name"] for row in about["populations"]]
    shown.value("document.querySelector('[data-name=\"h<\"]').focus()")
    shown.press("Enter", "\r")
    pressed = "document.querySelector('[data-name=\"h<\"]').getAttribute('aria-pressed')"
    assert shown.value(pressed) == "true"
    rows = text(shown, "rows")
    for said in ("opened: fires above 0", "W1", "closed once more", "hT", "520", "c"):
        assert said in rows
    shown.press("Escape")
    assert shown.value(pressed) == "false"
    label = shown.value("document.querySelector('[data-name=\"x\"]').getAttribute('aria-label')")
    assert label == "x, input layer: 0 of 12 fire; not gated"


def test_pointing_at_a_population_shows_its_rows_for_as_long(shown):
    shown.value(POINT % "enter")
    assert text(shown, "rows").startswith("d+: positive error")
    assert (
        shown.value("document.querySelectorAll('.wire.mine').length") == 7
    )  # of t, o, o<; to o, o<, o>, oT
    shown.value(POINT % "leave")
    assert text(shown, "rows").startswith("Population")


def test_image_target_answer_and_error_are_those_of_the_sample(shown, about):
    shown.value("document.querySelectorAll('#samples input')[2].click()")
    sample, record = about["samples"][2], about["records"][0][2]
    squares = "document.querySelector('#image .pixel').getAttribute('d').split('M').length - 1"
    assert shown.value(squares) == fired(sample["input"], 12).sum()
    verdict = text(shown, "verdict")
    assert f"Training sample {sample['number']}. Target: {sample['label']}." in verdict
    said = fired(record["spikes"].get("o", {}).get("3", ""), 3)
    table = shown.value(TABLE)
    for unit, row in enumerate(table):
        error = next(
            (sign for name, sign in (("d+", "+"), ("d-", "−"))
             if fired(record["spikes"].get(name, {}).get("4", ""), 3)[unit]), "·"
        )  # fmt: skip
        assert row == [
            str(unit), f"{record['potentials'][unit]:,}".replace("-", "−"),
            "●" if said[unit] else "·", "●" if unit == sample["label"] else "·", error,
        ]  # fmt: skip


def test_the_slider_over_the_training_says_where_it_stands(shown, about):
    assert text(shown, "stop-name") == "Untrained"
    slide(shown, "stop", 1)
    assert text(shown, "stop-name") == f"After {about['stops'][1]['samples']} samples"
    slide(shown, "stop", 3)
    assert text(shown, "stop-name") == "Trained: 120 samples, 3 epochs"
    accuracy = f"{100 * about['stops'][3]['accuracy']:.1f} % of the test images"
    assert text(shown, "stop-note").startswith(accuracy)


# -- other models --------------------------------------------------------------------------------


def words(browser, selector):
    return browser.value(
        f"[...document.querySelectorAll({selector!r})].map(one => one.textContent)"
    )


def test_graded_spikes_show_their_number_in_squares_words_and_rows(browser, tmp_path):
    browser.said.clear()
    browser.show(page_of("mnist_fine_graded", tmp_path / "page.html"), 1366)
    assert text(browser, "number") == "Phase 0 (0 to 8)"
    heads = words(browser, "#raster thead button")
    assert heads == ["0", "1", "2", "3", "4", "5", "6±", "7", "8±"]
    slide(browser, "phase", 6)
    assert text(browser, "reward") == "reward 1, potentiation and depression"
    assert "o 10 (−15 to +15)" in text(browser, "detail")
    assert "In brackets: the numbers that spikes carry." in text(browser, "detail")
    label = browser.value("document.querySelector('[data-name=\"o\"]').getAttribute('aria-label')")
    assert "10 of 10 fire (−15 to +15)" in label
    assert (
        browser.value("document.querySelector('[data-name=\"o\"] .count').textContent") == "10 ±15"
    )
    marks = browser.value("document.querySelector('[data-name=\"o\"] .lit').getAttribute('d')")
    heights = {float(part.split("v")[1].split("h")[0]) for part in marks.split("M")[1:]}
    assert len(heights) == 2  # squares, and flat bars for negative numbers
    browser.value(
        "document.querySelector('[data-name=\"o\"]').dispatchEvent(new MouseEvent('click'))"
    )
    rows = words(browser, "#rows tbody tr")
    assert rows[:3] == ["+1531, 4, 7", "+332, 5, 8", "−1540, 3, 6, 9"]
    assert "a spike carries 1, and −4 to +4" in text(browser, "rows")
    errors = [row[-1] for row in browser.value(TABLE)]
    assert errors[:3] == ["+15", "−15", "−3"]  # of d-, which is drawn last
    assert len({*words(browser, "#key li")}) == len(words(browser, "#key li"))
    dials = browser.value("[...document.querySelectorAll('#key .dial')].map(one => one.innerHTML)")
    assert len(dials) == len({*dials}) == 7  # one for each threshold, and no two alike
    assert browser.said == []


def test_an_answer_that_is_tried_stands_beside_the_label_that_is_not_told(browser, tmp_path):
    def only_the_second_is_tried(about):
        record = about["records"][0][0]
        record["spikes"]["target"] = {"4": bits(np.arange(10) == 1)}

    file = page_of(
        "variants/digits_believed_answer", tmp_path / "page.html", only_the_second_is_tried
    )
    browser.said.clear()
    browser.show(file, 1366)
    assert words(browser, "#answer th")[:6] == ["unit", "sum", "answer", "tried", "label", "error"]
    assert [row[3:5] for row in browser.value(TABLE)][:3] == [["·", "●"], ["●", "·"], ["·", "·"]]
    assert "Label: 0." in text(browser, "verdict")
    assert "Tried as target: 1, wrong." in text(browser, "verdict")
    assert text(browser, "number") == "Phase 0 (0 to 13)"
    slide(browser, "phase", 5)
    assert text(browser, "meaning") == "Target t."
    assert "the network's own answer" in text(browser, "differs")
    assert browser.said == []


def test_a_pool_shows_how_many_of_it_fire_and_a_dead_chain_that_it_is_silent(browser, tmp_path):
    def few_fire(about):
        spikes = about["records"][0][0]["spikes"]
        for name in about["chain"]:
            spikes[name] = {}
        spikes["g1"] = {"0": bits(np.arange(64) < 60)}
        spikes["g7"] = {"0": bits(np.arange(64) < 1)}

    file = page_of("variants/digits_pools", tmp_path / "page.html", few_fire)
    browser.said.clear()
    browser.show(file, 1366)
    assert "Gating chain: g1 60 of 64, g7 1 of 64." in text(browser, "detail")
    assert words(browser, ".ring .fires") == ["g1"]
    assert words(browser, ".ring .some") == ["g7"]
    slide(browser, "phase", 1)
    assert "The gating chain is silent." in text(browser, "detail")
    assert browser.said == []


# -- layout ----------------------------------------------------------------------------------------

OVERLAPS = """(() => {
    const boxes = [...document.querySelectorAll('.box .frame, .ring circle')].map(
        one => [one.parentNode.dataset.name ?? 'gate', one.getBoundingClientRect()]);
    const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
        && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return boxes.flatMap(([name, a], k) => boxes.slice(k + 1).filter(([_, b]) => meet(a, b)).map(
        ([other]) => `${name} ${other}`));
})()"""
OUTSIDE = """(() => {
    const all = document.getElementById('circuit').getBoundingClientRect();
    return [...document.querySelectorAll('.box, .pill, .ring circle')].filter(one => {
        const part = one.getBoundingClientRect();
        return part.left < all.left - 1 || part.right > all.right + 1
            || part.top < all.top - 1 || part.bottom > all.bottom + 1;
    }).map(one => one.textContent);
})()"""
NAMES_THAT_STICK_OUT = """[...document.querySelectorAll('.box')].filter(box =>
    box.querySelector('.name').getBoundingClientRect().right
    > box.querySelector('.frame').getBoundingClientRect().right).map(box => box.dataset.name)"""
SMALLEST = """Math.min(...[...document.querySelectorAll('body *:not(script)')].filter(one =>
    [...one.childNodes].some(part => part.nodeType == 3 && part.textContent.trim())).map(one =>
    parseFloat(getComputedStyle(one).fontSize)))"""


@pytest.mark.parametrize(
    "name",
    [
        "digits",
        "mnist_fine",
        "mnist_fine_graded",
        "variants/digits_deep",
        "variants/digits_replay",
        "variants/digits_believed_answer",
    ],
)
def test_any_circuit_fits_any_screen_without_boxes_on_each_other(browser, name, tmp_path):
    file = page_of(name, tmp_path / "page.html")
    for width, phone in WIDTHS:
        browser.said.clear()
        browser.show(file, width, phone=phone)
        slide(browser, "phase", 5)
        assert browser.said == []
        assert browser.value("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert browser.value(OVERLAPS) == []
        assert browser.value(OUTSIDE) == []
        assert browser.value(NAMES_THAT_STICK_OUT) == []
        assert browser.value(SMALLEST) >= 10


def test_a_tapped_population_shows_its_rows_over_the_page_of_a_phone(browser, page):
    browser.show(page, 360, 740, phone=True)
    browser.value(
        "document.querySelector('[data-name=\"h\"]').dispatchEvent(new MouseEvent('click'))"
    )
    place = "document.getElementById('inspector').getBoundingClientRect()"
    assert browser.value(f"{place}.bottom") == 740
    assert browser.value(f"{place}.height") <= 0.46 * 740 + 1
    browser.value("document.getElementById('close').click()")
    assert (
        browser.value("getComputedStyle(document.getElementById('inspector')).position") != "fixed"
    )
