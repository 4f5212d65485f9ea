"""Sequence numbers that wrap, wherever that happens, and ends that send more than half of the sequence space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.analyser import Analyser
from segments_builder import ACK, FIN, PSH, RST, SYN, WRAP, Segment, analysed, batch_of, client, server

if TYPE_CHECKING:
    from capture.batch import Batch

# Both ends begin at 0; each end's numbers are used up to 35.
PHASES = [
    client(SYN, 0),
    server(SYN | ACK, 0, 1),
    client(ACK, 1, 1),
    client(PSH | ACK, 1, 1, data=10),
    server(ACK, 1, 11),
    server(PSH | ACK, 1, 11, data=20),
    client(ACK, 11, 21),
    client(ACK, 21, 21, data=10),
    server(ACK, 21, 11),
    client(ACK, 11, 21, data=10, at_ms=400),
    server(ACK, 21, 31, at_ms=401),
    client(FIN | ACK, 31, 21, data=3, at_ms=402),
    server(ACK, 21, 35, at_ms=403),
    server(FIN | ACK, 21, 35, data=12, at_ms=404),
    client(ACK, 35, 34, at_ms=405),
]
ENDINGS = {"closed": PHASES, "reset": [*PHASES[:11], server(RST | ACK, 21, 31, at_ms=402)]}
SAME = (
    "completeness",
    "history",
    "history_length",
    "initial_rtt_ns",
    "fin_acked_packet",
    "unique_bytes",
    "payload_bytes",
)


def moved(segments: list[Segment], by: int, of_server: int) -> list[Segment]:
    """The same conversation from other initial sequence numbers."""
    return [
        replace(each, seq=each.seq + own, ack=each.ack + other if each.flags & ACK else 0)
        for each in segments
        for own, other in [(by, of_server) if each.source == PHASES[0].source else (of_server, by)]
    ]


def told(segments: list[Segment]) -> dict[str, list[object]]:
    analyser = analysed(segments)
    packets, columns = analyser.packets.snapshot(), analyser.connections.columns
    return {"states": packets.states.tolist(), **{name: columns[name].tolist() for name in SAME}}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("at", range(-36, 2))
def test_states_and_counts_are_the_same_wherever_a_number_wraps(ending: str, at: int) -> None:
    expected = told(moved(ENDINGS[ending], 1000, 5000))
    assert told(moved(ENDINGS[ending], at, 5000)) == expected
    assert told(moved(ENDINGS[ending], 1000, at)) == expected


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("at", [-5, -15, -17, -25, -33])
def test_marks_are_the_same_where_no_number_is_0(ending: str, at: int) -> None:
    """A number of 0 stands for "not known" in Wireshark's rules, and so in ours."""
    expected = analysed(moved(ENDINGS[ending], 1000, 5000)).packets.snapshot().marks.tolist()
    assert any(expected)
    assert analysed(moved(ENDINGS[ending], at, 5000)).packets.snapshot().marks.tolist() == expected


SEGMENT = 65_000
"""Payload of each of the large ones, none of which is captured beyond its headers."""
MANY = 2**31 // SEGMENT + 2000


def large(first: int, count: int) -> Batch:
    """Segments `first` to `first + count` of a one-way transfer, with an acknowledgment after each eighth."""
    told: list[Segment] = []
    for number in range(first, first + count):
        told.append(server(ACK, 501 + number * SEGMENT, 101))
        if number % 8 == 7:
            told.append(client(ACK, 101, 501 + (number + 1) * SEGMENT))
    batch = batch_of(told, first * 9 // 8 + 3)
    sent = np.array([each.flags == ACK and each.source == server(ACK, 0).source for each in told])
    buffer, size = batch.buffer.copy(), 40 + SEGMENT
    buffer[batch.start[sent] + 2], buffer[batch.start[sent] + 3] = size >> 8, size & 0xFF
    return replace(batch, buffer=buffer, original_length=np.where(sent, size, 40).astype(np.uint32))


@pytest.mark.slow
def test_more_than_2_to_the_31_bytes_one_way_are_counted_once_and_without_a_mark() -> None:
    analyser = Analyser()
    analyser.feed(batch_of([client(SYN, 100), server(SYN | ACK, 500, 101), client(ACK, 101, 501)]))
    for first in range(0, MANY, 1000):
        analyser.feed(large(first, min(1000, MANY - first)))
    connections = analyser.connections.snapshot()
    assert MANY * SEGMENT > 2**31
    for column in (connections.payload_bytes, connections.unique_bytes):
        assert int(np.asarray(column)[0, 1]) == MANY * SEGMENT
    assert connections.data_packets[0].tolist() == [0, MANY]
    assert not analyser.packets.snapshot().marks.any()
    assert int(analyser.connections.columns["next_sequence"][0, 1]) == (501 + MANY * SEGMENT) % WRAP
