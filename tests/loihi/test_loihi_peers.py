"""The emulation against other emulators of the chip, network by network, number by number.

What is compared, with which networks, is in `tests/loihi/peers`; there is also the command that
writes the table of docs/chip.md.
"""

from __future__ import annotations

from pathlib import Path

import brian2
import numpy as np
import peer_ours
import pytest
from peer_comparison import PEERS, STUDIES, Study, compare, interpreter, largest_input
from peer_networks import INPUT, Net, Population, Projection, load, save
from peer_table import TABLE

from analysis.chip.conformance import BEGIN, END, read, table
from synfire_bp.loihi import SPECS

CHIP_PAGE = Path(__file__).parents[2] / "docs" / "chip.md"
SAME = [study for study in STUDIES if not study.beyond]
BEYOND = [study for study in STUDIES if study.beyond]


def name_of(study: Study) -> str:
    return " ".join([study.peer, study.networks, study.beyond]).strip()


@pytest.fixture(autouse=True)
def as_before():
    """The other emulator in this process may set the time step; ours sets the target."""
    step, target = brian2.defaultclock.dt, brian2.prefs.codegen.target
    yield
    brian2.defaultclock.dt, brian2.prefs.codegen.target = step, target


def need(study: Study) -> None:
    peer = PEERS[study.peer]
    if interpreter(peer) is None:
        pytest.skip(
            f"{peer.name} is not installed: pip install '.[conformance]', or let {peer.variable} "
            "name a Python that has it"
        )


@pytest.mark.parametrize("count", [4, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("study", SAME, ids=name_of)
def test_networks_do_what_they_do_in_another_emulator(study, count, tmp_path):
    need(study)
    found = compare(study, count, tmp_path)
    assert len(found.nets) == count
    unequal = {k: names for k, names in enumerate(found.differ) if names}
    assert not unequal, found.nets[min(unequal)]
    if study.networks == "learning":  # else nothing was compared
        changed = [
            (ours[f"w{n}"] != np.array(projection.weights)).any()
            for net, ours in zip(found.nets, found.ours, strict=True)
            for n, projection in enumerate(net.projections)
            if projection.rule
        ]
        assert np.mean(changed) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("study", BEYOND, ids=name_of)
def test_networks_differ_where_another_emulator_is_said_to_differ(study, tmp_path):
    need(study)
    found = compare(study, 10, tmp_path)
    assert found.equal < 10


# -- what the comparison rests on -----------------------------------------------------------------


def pair(**projection) -> Net:
    """Return a network of two cells, the first one driven by an input."""
    cell = Population(threshold=10, current_decay=4096, voltage_decay=4096, biases=[0])
    given = {"delay": 3} | projection
    return Net(
        20, 1, [(0, 0), (9, 0)], [cell, cell],
        [
            Projection(INPUT, 0, "excitatory", 8, 0, [[200]]),
            Projection(0, 1, "excitatory", 8, 0, [[100]], **given),
        ],
    )  # fmt: skip


def test_networks_come_back_from_a_file_as_they_were(tmp_path):
    nets = [study.draw(np.random.default_rng(3)) for study in STUDIES]
    save(tmp_path / "nets.npz", nets)
    back = load(tmp_path / "nets.npz")
    assert [vars(net) | {"spikes": list(map(tuple, net.spikes))} for net in back] == [
        vars(net) | {"spikes": list(map(tuple, net.spikes))} for net in nets
    ]


def test_several_networks_at_once_do_what_each_does_alone():
    nets = [pair(), pair(delay=0), pair(delay=1)]
    together = peer_ours.run(nets, SPECS["loihi1"])
    for net, found in zip(nets, together, strict=True):
        (alone,) = peer_ours.run([net], SPECS["loihi1"])
        for name, expected in alone.items():
            np.testing.assert_array_equal(found[name], expected, err_msg=name)
    spikes = [np.argwhere(found["spikes"]).tolist() for found in together]
    # an input acts in the next step; a spike one later, and later by its delay
    assert spikes == [[[1, 0], [2 + delay, 1], [10, 0], [11 + delay, 1]] for delay in (3, 0, 1)]


def test_the_largest_input_is_that_of_all_spikes_that_arrive_together():
    net = pair()
    (found,) = peer_ours.run([net], SPECS["loihi1"])
    assert largest_input(net, found) == 200 * 64


# -- the table ------------------------------------------------------------------------------------


def test_the_committed_table_holds_studies_in_their_order_and_no_unequal_network():
    rows = read(TABLE)
    keys = list(zip(rows["emulator"], rows["networks"], rows["beyond"], strict=True))
    studies = [(study.peer, study.networks, study.beyond) for study in STUDIES]
    assert keys == studies
    same = rows["beyond"] == ""
    assert (rows.loc[same, "compared"] == 50).all()
    assert (rows.loc[same, "equal"] == rows.loc[same, "compared"]).all()
    assert (rows.loc[~same, "equal"] < rows.loc[~same, "compared"]).all()


def test_the_page_of_the_chip_quotes_the_committed_table():
    page = CHIP_PAGE.read_text(encoding="utf-8")
    quoted = page.partition(BEGIN)[2].partition(END)[0]
    assert quoted.strip() == table(read(TABLE)).strip()
