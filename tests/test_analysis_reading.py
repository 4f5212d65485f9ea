"""What is learned of a capture while more comes: nothing newer than its snapshot, and of a large one a part."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.learned import learn, telling
from analysis.machines_together import together
from analysis.reading import Reading
from analysis.session import Session
from analysis.snapshot import PACKETS_OF, at_rest
from capture.source import open_source
from proxy_builder import BACK, CLIENT, FRONT, MS, OTHER, PROXY, SECOND, START, Network, get, ok
from tui_pilot import FIXTURES
from views.machines import MachineLadder
from views.options import Options

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.learned import Learned
    from analysis.snapshot import Snapshot

NAMES = ("nginx-reverse.pcapng", "lvs-nat.pcapng", "browse.pcapng", "syn-filtered.pcapng")


@cache
def whole(name: str) -> Session:
    session = Session(open_source(FIXTURES / name))
    session.run()
    return session


def first(snapshot: Snapshot, count: int) -> Snapshot:
    """What is published of the first packets, when the connections' rows are those of later ones already."""
    packets = snapshot.packets
    some = replace(packets, **{each.name: getattr(packets, each.name)[:count] for each in fields(packets)})
    sightings = snapshot.sightings[snapshot.sightings[:, 0] < count]
    return replace(snapshot, packets=some, sightings=sightings, finished=False, bytes_total=None)


def named(learned: Learned) -> set[int]:
    """All packets that it names."""
    asked = {packet for each in learned.exchanges for packet in (each.request_packet, each.reply_packet)}
    caused = {packet for each in learned.causes for packet in (each.packet, each.opening, each.request)}
    shown = {packet for each in learned.causes for fact in each.evidence for packet in fact.packets}
    return {packet for packet in asked | caused | shown if packet is not None}


@pytest.mark.parametrize("name", NAMES)
@given(share=st.floats(0.0, 1.0))
def test_no_packet_is_named_that_has_not_come(name: str, share: float) -> None:
    session = whole(name)
    count = 1 + int(share * (len(session.snapshot.packets) - 1))
    reading = Reading(session.source, at_rest(first(session.snapshot, count)), {})
    columns = [getattr(reading.snapshot.connections, column) for column in (*PACKETS_OF, "last_packet")]
    assert max(int(np.max(column)) for column in columns) < count
    learned = learn(reading, count - 1, 1000)
    assert learned.covers(count - 1)
    assert all(packet < count for packet in named(learned))
    connection = int(reading.snapshot.packets.connection[count - 1])
    if connection >= 0:
        story = together(reading, learned, connection, count - 1)
        assert all(packet < count for step in story.steps for packet in step.packets)
        ladder = MachineLadder(reading.snapshot, story, Options())
        assert all(ladder.draw(index, 100) for index in range(len(ladder)))


def busy(folder: Path, requests: int = 60) -> Session:
    """One client's connection to a proxy, which opens another one for each of its requests."""
    network = Network()
    network.open(0, *FRONT)
    for number in range(requests):
        at, back = 10 * number, (BACK[0][0], BACK[0][1] + number)
        network.say(at + 1, *FRONT, get(f"/{number}"))
        network.open(at + 2, back, BACK[1])
        network.say(at + 3, back, BACK[1], get(f"/{number}", X_Forwarded_For=CLIENT))
        network.say(at + 4, BACK[1], back, ok(f"page {number}"))
        network.say(at + 5, *FRONT[::-1], ok(f"page {number}"))
    session = Session(open_source(network.written(folder)))
    session.run()
    return session


@pytest.mark.parametrize("packet", [0, 5, 100, 217, 422])
def test_of_a_large_capture_what_is_around_a_packet_is_told_as_it_is_of_the_whole(tmp_path: Path, packet: int) -> None:
    session = busy(tmp_path)
    everything, part = learn(session), learn(session, packet, 40)
    assert len(everything.causes) == 60
    assert everything.part is None
    assert part.part is not None
    assert part.inner is not None
    assert packet in part.inner
    assert set(part.inner) <= set(part.part)
    assert len(telling(session.snapshot, part.part.start, part.part.stop)) == 40
    assert not part.whole
    assert 5 <= len(part.causes) <= 10
    inside = {each for each in everything.causes if {each.packet, each.effect_packet} <= set(part.inner)}
    assert {(each.packet, each.effect_packet) for each in inside} <= {
        (each.packet, each.effect_packet) for each in part.causes
    }


def test_a_small_capture_is_learned_as_a_whole_wherever_one_is(tmp_path: Path) -> None:
    session = busy(tmp_path, 3)
    assert learn(session, 2, 40).causes == learn(session).causes
    assert learn(session, 2, 40).part is None
    assert learn(session, 2, 40).covers(len(session.snapshot.packets) - 1)
    assert not learn(session, 2, 40).covers(len(session.snapshot.packets))


def test_of_too_many_connections_those_stand_in_the_ladder_that_are_nearest(tmp_path: Path) -> None:
    session = busy(tmp_path)
    learned = learn(session)
    start, end = together(session, learned, 0), together(session, learned, 0, 422)
    assert start.connections == (0, *range(1, 24))
    assert end.connections == (0, *range(38, 61))
    assert not end.whole


def test_of_a_part_nothing_is_likely_that_a_request_from_before_might_explain_as_well(tmp_path: Path) -> None:
    second, elsewhere = ((OTHER, 40001), (PROXY, 80)), ((OTHER, 40002), (SECOND, 99))
    network = Network()
    for ends in (BACK, FRONT, second, elsewhere):
        network.open(0, *ends)
    network.say(10, *FRONT, b"a question")
    for ms in range(20, 50):
        network.say(ms, *elsewhere, b"news")
    network.say(60, *second, b"a question")
    network.say(62, *BACK, b"something else")
    network.say(200, *BACK[::-1], b"result 1")
    for ends in (FRONT, second):
        network.say(210, *ends[::-1], b"the answer")
    session = Session(open_source(network.written(tmp_path)))
    session.run()
    packet = len(network.frames) - 4  # what the proxy asks
    assert learn(session).causes == ()  # two wait alike
    part = learn(session, packet, 20)
    assert part.part is not None
    assert part.causes == ()
    network.frames = [frame for frame in network.frames if frame[0] != START + 10 * MS]
    session = Session(open_source(network.written(tmp_path)))
    session.run()
    assert len(learn(session).causes) == 1
