"""What becomes of packets between capture points: which are lost, copied or overtaken, and what is said of them."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.gathered import gathered
from analysis.passing import NEVER, Fate, Passages, Way, _in_order, fates, way
from analysis.session import Session
from capture.protocol import Flag
from capture.source import open_source
from export.packet_json import packet_objects
from lab.scenarios import scenarios
from lab.starting import start, why_not_here
from views.explanation import Explanation
from views.ladder import Ladder
from views.options import Options
from views.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.snapshot import Snapshot

FIXTURES = Path(__file__).parents[1] / "fixtures"
FATEFUL = ("rto", "fast-retransmit", "duplicate", "reorder", "loss", "tcp-vs-udp", "pmtu")
"""Scenarios in which packets are lost, doubled or overtaken, and captured on both sides of that."""
LOST = "It was lost between client:eth0 and server:eth0: later ones were seen there, this one never."


def made(*times: tuple[int | None, ...]) -> Way:
    """A way past the points 7, 8 …; a packet for each tuple, with its time at each point."""
    table = np.array([[NEVER if time is None else time for time in each] for each in times], np.int64)
    return Way(np.arange(7, 7 + table.shape[1]), np.arange(len(times)), table)


@pytest.fixture
def rto() -> Iterator[Session]:
    with closing(Session(open_source(FIXTURES / "rto.pcapng"))) as session:
        session.run()
        yield session


def opened(name: str) -> Session:
    session = Session(open_source(FIXTURES / f"{name}.pcapng"))
    session.run()
    return session


def lost(snapshot: Snapshot, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = fates(snapshot, rows) == Fate.LOST
    return found


def data_of_the_client(session: Session, connection: int) -> NDArray[np.int64]:
    packets, rows = session.snapshot.packets, session.packets_of(connection)
    from_client = packets.flags[rows] & np.uint16(Flag.FROM_B) == 0
    found: NDArray[np.int64] = rows[(packets.payload_length[rows] > 0) & from_client]
    return found


def told(session: Session, packet: int, *, full: bool = False) -> str:
    connection = int(session.snapshot.packets.connection[packet])
    rows = session.packets_of(connection)
    details = {each.packet: each for each in session.details(rows)}
    made = Explanation(session.snapshot, connection, packet, details, full=full, options=Options(), packets=rows)
    return " ".join(plain(made.draw(index, 100)).strip() for index in range(len(made)))


def test_a_packet_that_a_later_one_passed_by_is_lost() -> None:
    passed = made((0, 5), (1, None), (2, 7), (3, None))
    assert passed.lost.tolist() == [False, True, False, False]  # the last one may still be on its way
    assert passed.lost_between(1) == (7, 8)
    assert passed.lost_between(3) is None


def test_it_is_told_between_which_of_several_points() -> None:
    passed = made((0, 5, 9), (1, 6, None), (2, None, None), (3, 8, 12))
    assert [passed.lost_between(packet) for packet in range(4)] == [None, (8, 9), (7, 8), None]


def test_a_point_that_missed_one_is_no_loss_if_it_was_seen_behind() -> None:
    assert made((0, 5, 9), (1, None, 10), (2, 7, 11)).lost.tolist() == [False] * 3


def test_points_are_ordered_by_the_packets_that_were_seen_at_both() -> None:
    # A router's two devices are some ns apart, and packets need between 5 and 9 to come to it: only pairs tell.
    times = np.array([[0, 9, NEVER], [10, 19, NEVER], [20, 25, 26], [30, 35, 36], [40, 45, 46]], np.int64)
    for columns in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        shuffled = times[:, columns]
        assert np.array(columns)[_in_order(shuffled)].tolist() == [0, 1, 2]


def test_a_packet_that_its_sender_did_not_send_is_a_copy() -> None:
    passed = made((0, 5), (None, 6), (1, 7))
    assert [passed.made_between(packet) for packet in range(3)] == [None, (7, 8), None]


def test_ways_that_part_lose_nothing() -> None:
    """An address that moves from one machine to another: who sent to it sends to the new one."""
    passed = made((0, 5, None), (10, 15, None), (20, None, 25), (30, None, 35))
    assert not passed.lost.any()
    back = made((0, None, 5), (10, None, 15), (None, 20, 25), (None, 30, 35))
    assert not back.made.any()


@pytest.mark.lab
def test_a_takeover_at_all_points_loses_nothing(tmp_path: Path) -> None:
    if (hindrance := why_not_here()) is not None:
        pytest.skip(hindrance)
    file = tmp_path / "arp.pcapng"
    with start("arp", {"everywhere": True}) as running, os.fdopen(running.capture, "rb") as stream:
        file.write_bytes(stream.read())
    with closing(Session(open_source(file))) as session:
        session.run()
        snapshot = session.snapshot
        assert len(snapshot.interfaces) == 3
        for connection in range(len(snapshot.connections)):
            assert not fates(snapshot, session.packets_of(connection)).any()


def test_who_overtakes_whom_and_where() -> None:
    passed = made((0, 5, 30), (1, 6, 20), (2, 7, 25))
    assert passed.overtaken(0) == (8, 9, 1)
    assert passed.overtaken(1) is None
    assert passed.overtaken(2) is None
    assert passed.passed.tolist() == [True, False, False]


def test_a_copy_overtakes_nobody() -> None:
    """It was made behind what is still on its way before it."""
    passed = made((0, 5), (1, 7), (None, 6), (3, 8))
    assert passed.made.tolist() == [False, False, True, False]
    assert not passed.passed.any()
    assert passed.overtaken(1) is None


@given(st.lists(st.lists(st.one_of(st.none(), st.integers(0, 40)), min_size=3, max_size=3), min_size=1, max_size=12))
def test_all_at_once_is_the_same_as_one_by_one(seen: list[list[int | None]]) -> None:
    times = [[None if each is None else number + each for each in later] for number, later in enumerate(seen)]
    passed = made(*((number, *later) for number, later in enumerate(times)))
    assert passed.passed.tolist() == [passed.overtaken(number) is not None for number in range(len(seen))]


@given(st.integers(2, 4), st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=30))
def test_losses_are_found_wherever_a_later_packet_shows_them(points: int, passes: list[list[bool]]) -> None:
    """Packets 10 apart, 2 from point to point; each wire may lose each packet."""
    times: list[tuple[int | None, ...]] = []
    for number, through in enumerate(passes):
        arrived = [all(through[:place]) for place in range(points)]
        times.append(tuple(number * 10 + place * 2 if arrived[place] else None for place in range(points)))
    passed = made(*times)
    for number, each in enumerate(times):
        missed = next((place for place in range(points) if each[place] is None), None)
        shown = missed is not None and any(later[missed] is not None for later in times[number + 1 :])
        assert passed.lost_between(number) == ((6 + missed, 7 + missed) if shown and missed is not None else None)
        assert bool(passed.lost[number]) == shown


def test_the_only_segment_is_lost_twice(rto: Session) -> None:
    rows, snapshot = rto.packets_of(0), rto.snapshot
    data = data_of_the_client(rto, 0)
    assert rows[lost(snapshot, rows)].tolist() == data[:2].tolist()
    assert LOST in told(rto, int(data[0]))
    again, last = told(rto, int(data[1])), told(rto, int(data[2]))
    needed = "It was needed: packet {}, which it repeats, was lost between client:eth0 and server:eth0."
    assert LOST in again
    assert needed.format(data[0] + 1) in again
    assert needed.format(data[1] + 1) in last
    assert LOST not in last


def test_the_report_has_the_interfaces_between_which_a_packet_was_lost(rto: Session) -> None:
    told = {each["number"]: each["lost_between"] for each in packet_objects(rto, np.arange(len(rto.snapshot.packets)))}
    data = data_of_the_client(rto, 0).tolist()
    assert {number: between for number, between in told.items() if between is not None} == {
        data[0] + 1: [0, 1],
        data[1] + 1: [0, 1],
    }
    assert [each.name for each in rto.snapshot.interfaces] == ["client:eth0", "server:eth0"]


def test_a_lost_packets_arrow_does_not_arrive(rto: Session) -> None:
    ladder = Ladder(rto.snapshot, gathered(rto.snapshot, 0), Options())
    ladder.supply(rto.details(ladder.packets))
    lines = {ladder.packet_at(index): plain(ladder.draw(index, 80)) for index in range(len(ladder))}
    data = data_of_the_client(rto, 0).tolist()
    assert [("[lost]" in lines[packet], "►│" in lines[packet]) for packet in data] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert ladder.trouble(-1, 1) == data[0]


def test_the_third_and_the_seventh_message_are_lost_by_udp_and_by_tcp() -> None:
    with closing(opened("tcp-vs-udp")) as session:
        for connection in (0, 1):
            gone = lost(session.snapshot, session.packets_of(connection))
            data = data_of_the_client(session, connection)
            assert session.packets_of(connection)[gone].tolist() == [data[2], data[6]]


def test_what_the_network_doubles_is_no_retransmission_of_the_sender() -> None:
    with closing(opened("duplicate")) as session:
        rows, snapshot = session.packets_of(0), session.snapshot
        passed = way(snapshot, rows, from_b=False)
        assert passed is not None
        (copy,) = [int(row) for row in passed.rows if passed.made_between(int(row)) is not None]
        assert snapshot.interfaces[snapshot.packets.interface[copy]].name == "server:eth0"
        assert rows[fates(snapshot, rows) == Fate.MADE].tolist() == [copy]
        ladder = Ladder(snapshot, gathered(snapshot, 0), Options())
        lines = {ladder.packet_at(index): plain(ladder.draw(index, 80)) for index in range(len(ladder))}
        assert "[copy]" in lines[copy]
        text = told(session, copy)
        assert "a copy that the network made" not in text  # that is its title
        assert "It was never seen at client:eth0: the network made this copy between there and server:eth0." in text
        assert "captured at two places" not in told(session, copy, full=True)


def test_what_is_overtaken_says_so_on_its_line_and_by_whom_in_its_explanation() -> None:
    with closing(opened("reorder")) as session:
        rows, snapshot = session.packets_of(0), session.snapshot
        sixth = int(data_of_the_client(session, 0)[5])
        assert rows[fates(snapshot, rows) == Fate.OVERTAKEN].tolist() == [sixth]
        ladder = Ladder(snapshot, gathered(snapshot, 0), Options())
        lines = {ladder.packet_at(index): plain(ladder.draw(index, 80)) for index in range(len(ladder))}
        assert [packet for packet, line in lines.items() if "[overtaken]" in line] == [sixth]
        assert ladder.trouble(-1, 1) == sixth
        words = f"Packet {sixth + 2} overtook it between client:eth0 and server:eth0."
        assert words in told(session, sixth)


def test_what_a_copy_stands_before_was_not_overtaken() -> None:
    with closing(opened("duplicate")) as session:
        snapshot = session.snapshot
        assert Fate.OVERTAKEN not in fates(snapshot, session.packets_of(0))
        assert not any("overtook" in told(session, int(row)) for row in data_of_the_client(session, 0))


def test_a_router_that_drops_is_named() -> None:
    with closing(opened("pmtu")) as session:
        rows = session.packets_of(0)
        gone = rows[lost(session.snapshot, rows)]
        assert len(gone) >= 1
        assert "router1 took it in at router1:eth0 and never sent it on at router1:eth1." in told(session, int(gone[0]))


@pytest.mark.parametrize("name", [name for name in scenarios() if name not in FATEFUL])
def test_where_nothing_is_lost_nothing_is_said_to_be(name: str) -> None:
    with closing(opened(name)) as session:
        snapshot = session.snapshot
        for connection in range(len(snapshot.connections)):
            rows = session.packets_of(connection)
            assert not fates(snapshot, rows).any()


def test_too_many_packets_times_points_are_not_looked_at(rto: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rto.packets_of(0)
    own = way(rto.snapshot, rows, from_b=False)
    assert own is not None
    monkeypatch.setattr("analysis.passing.MOST", own.times.size - 1)
    assert way(rto.snapshot, rows, from_b=False) is None
    assert told(rto, int(data_of_the_client(rto, 0)[0]))


def test_at_one_point_nothing_is_known() -> None:
    with closing(opened("handshake")) as session:
        assert way(session.snapshot, session.packets_of(0), from_b=False) is None
        assert not lost(session.snapshot, session.packets_of(0)).any()


def test_the_way_of_an_end_is_put_together_once() -> None:
    with closing(Session(open_source(FIXTURES / "loss.pcapng"))) as session:
        session.run()
        rows = session.packets_of(0)
        passages = Passages(session.snapshot, rows)
        assert passages.fates().tolist() == fates(session.snapshot, rows).tolist()
        assert passages.of(from_b=True) is passages.of(from_b=True) is not None
