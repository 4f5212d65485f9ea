"""What relative numbers count from, where an end gives another first number in a later SYN,ACK: as Wireshark does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis import renumbered
from analysis.keeping import Keeper
from analysis.renumbered import Renumbered, initial_at, renumbered_of
from analysis.session import Session
from analysis.snapshot import Snapshot
from capture.source import open_source
from fixtures import containers
from segments_builder import ACK, RAW_IP, SYN, Segment, analysed, client, server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OPENING = [client(SYN, 100), server(SYN | ACK, 500, 101), client(ACK, 101, 501)]
AGAIN = [server(SYN | ACK, 900, 101), client(ACK, 101, 901), server(ACK, 901, 101, data=5)]
NONE = -1
"""In place of an acknowledgment's number: there is none."""

# name: (segments, relative sequence and acknowledgment number of each)
STORIES: dict[str, tuple[list[Segment], list[tuple[int, int]]]] = {
    "one answer": ([*OPENING, server(ACK, 501, 101, data=5)], [(0, NONE), (0, 1), (1, 1), (1, 1)]),
    "the same answer again": ([*OPENING, server(SYN | ACK, 500, 101)], [(0, NONE), (0, 1), (1, 1), (0, 1)]),
    "another answer counts for both ends, from itself on": (
        [*OPENING, *AGAIN],
        [(0, NONE), (0, 1), (1, 1), (0, 1), (1, 1), (1, 1)],
    ),
    "and not for what the client sends": (
        [*OPENING, *AGAIN, client(ACK, 111, 906, data=2)],
        [(0, NONE), (0, 1), (1, 1), (0, 1), (1, 1), (1, 1), (11, 6)],
    ),
    "back to the first one": (
        [*OPENING, *AGAIN[:1], server(SYN | ACK, 500, 101), client(ACK, 101, 501)],
        [(0, NONE), (0, 1), (1, 1), (0, 1), (0, 1), (1, 1)],
    ),
    "ports reused, and no SYN captured": (
        [
            server(SYN | ACK, 500, 101),
            server(ACK, 501, 101, data=5),
            server(SYN | ACK, 900, 701),
            server(ACK, 901, 701),
        ],
        [(0, 1), (1, 1), (0, 601), (1, 601)],
    ),
    "begun amid data: what came before lies before the number": (
        [server(ACK, 490, 101, data=5), server(SYN | ACK, 500, 101), server(ACK, 501, 101)],
        [((1 << 32) - 10, 1), (0, 1), (1, 1)],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_relative_numbers(story: str) -> None:
    segments, expected = STORIES[story]
    assert relative(segments) == expected
    assert relative(segments, range(1, len(segments))) == expected


def relative(segments: list[Segment], cuts: Iterable[int] = ()) -> list[tuple[int, int]]:
    """The relative numbers of each segment of one connection."""
    analyser = analysed(segments, cuts)
    snapshot = Snapshot(
        analyser.packets.snapshot(),
        analyser.connections.snapshot(),
        *((), (), 0, 0),
        finished=True,
        renumbered=renumbered_of(analyser.connections.renumbered),
    )
    told = []
    for packet, segment in enumerate(segments):
        end = int(segment.source != segments[0].source)
        own, other = (initial_at(snapshot, 0, each, packet) for each in (end, 1 - end))
        assert own is not None
        acknowledged = NONE
        if segment.flags & ACK:
            assert other is not None
            acknowledged = (segment.ack - other) % (1 << 32)
        told.append(((segment.seq - own) % (1 << 32), acknowledged))
    return told


def test_nothing_is_known_of_an_end_that_neither_sent_nor_was_acknowledged() -> None:
    analyser = analysed([client(SYN, 100)])
    snapshot = Snapshot(analyser.packets.snapshot(), analyser.connections.snapshot(), (), (), 0, 0, finished=True)
    assert [initial_at(snapshot, 0, end, 0) for end in (0, 1)] == [100, None]


def test_each_end_has_its_own_and_the_latest_counts() -> None:
    told = Renumbered(np.array([3, 5, 7, 9]), np.array([1, 4, 1, 0]), np.array([30, 50, 70, 90], np.uint32))
    assert [told.latest(1, packet) for packet in (2, 3, 6, 7, 100)] == [None, 30, 30, 70, 70]
    assert [told.latest(0, packet) for packet in (8, 9)] == [None, 90]
    assert [told.latest(4, 4), told.latest(4, 5), told.latest(3, 100), told.latest(5, 100)] == [None, 50, None, None]


def test_a_crafted_capture_has_only_so_many_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renumbered, "MOST", 2)
    answers = [server(SYN | ACK, number, 101) for number in (900, 1900, 2900, 3900)]
    expected = [(0, NONE), (0, 1), (1, 1), (0, 1), (0, 1), (1000, 1), (2000, 1)]
    for cuts in ((), (4, 6)):
        assert relative([*OPENING, *answers], cuts) == expected


@pytest.mark.parametrize("story", ["another answer counts for both ends, from itself on", "begun amid data"])
def test_a_kept_index_knows_them_too(story: str, tmp_path: Path) -> None:
    (segments,) = (told for name, (told, _) in STORIES.items() if name.startswith(story))
    path = tmp_path / "a.pcap"
    path.write_bytes(containers.pcap([(n, each.to_bytes()) for n, each in enumerate(segments)], link_type=RAW_IP))
    snapshots = []
    for _ in range(2):
        session = Session(open_source(path), keeper=Keeper(path, tmp_path, least_bytes=1))
        session.run()
        snapshots.append(session.snapshot)
        session.close()
    told = [[initial_at(each, 0, end, packet) for packet in range(6) for end in (0, 1)] for each in snapshots]
    assert told[0] == told[1]
    assert snapshots[1].renumbered.sequence.tolist() == snapshots[0].renumbered.sequence.tolist() != []
