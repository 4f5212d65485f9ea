"""Which connection a packet belongs to: Wireshark's stream boundaries, in its numbering."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pairs import WIDE, WORDS, Pairs
from segments_builder import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Segment, analysed, client, server

OPEN = [client(SYN, 100), server(SYN | ACK, 300, 101), client(ACK, 101, 301)]

# Segments, and the connection of each.
BOUNDARIES: dict[str, tuple[list[Segment], list[int]]] = {
    "both directions are one connection": (OPEN, [0, 0, 0]),
    "a SYN with the same number is a retransmission": ([client(SYN, 100), client(SYN, 100)], [0, 0]),
    "a SYN with another number opens a new stream": (
        [*OPEN, client(SYN, 900), server(SYN | ACK, 5, 901)],
        [0, 0, 0, 1, 1],
    ),
    "neither FIN nor RST nor a pause end a stream": (
        [*OPEN, client(FIN | ACK, 101, 301), server(RST, 301), client(PSH | ACK, 102, 301, data=1, at_ms=9e6)],
        [0] * 6,
    ),
    "a SYN,ACK with another number does not open one": ([*OPEN, server(SYN | ACK, 777, 101)], [0, 0, 0, 0]),
    "a SYN in the middle is new if its number is not one less than the first one seen": (
        [client(PSH | ACK, 500, 900, data=4), client(SYN, 700)],
        [0, 1],
    ),
    "a SYN that was captured late belongs to what it opened": ([client(ACK, 101, 301), client(SYN, 100)], [0, 0]),
    "the other end's acknowledgement tells the number too": ([server(SYN | ACK, 300, 101), client(SYN, 100)], [0, 0]),
    "and so tells that a SYN is new": ([server(ACK, 300, 101), client(SYN, 500)], [0, 1]),
    "three in a row": ([client(SYN, 1), client(SYN, 2), client(SYN, 3), client(SYN, 3)], [0, 1, 2, 2]),
    "simultaneous open is one stream": ([client(SYN, 100), server(SYN, 300)], [0, 0]),
    "another port is another connection": (
        [client(SYN, 1), replace(client(SYN, 1), source=("10.0.0.5", 51001))],
        [0, 1],
    ),
}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_where_streams_begin(name: str) -> None:
    segments, expected = BOUNDARIES[name]
    for cuts in ((), range(len(segments))):
        analyser = analysed(segments, cuts)
        assert analyser.packets.snapshot().connection.tolist() == expected
        assert analyser.connections.snapshot().stream.tolist() == sorted(set(expected))


def test_an_address_that_talks_to_itself_is_one_connection() -> None:
    alone = Segment(CLIENT, CLIENT, SYN, 5)
    assert analysed([alone, replace(alone, flags=ACK)]).packets.snapshot().connection.tolist() == [0, 0]


def test_the_direction_is_that_of_the_first_packet() -> None:
    from_b = analysed([server(ACK, 1, 1), client(ACK, 1, 1), server(ACK, 1, 1)]).packets.snapshot().flags >> 9 & 1
    assert from_b.tolist() == [0, 1, 0]


@given(st.lists(st.lists(st.tuples(*[st.integers(0, 2)] * WORDS), max_size=60), max_size=5))
def test_pairs_are_numbered_in_order_of_appearance(batches: list[list[tuple[int, ...]]]) -> None:
    pairs = Pairs()
    seen: dict[tuple[int, ...], int] = {}
    for batch in batches:
        keys = np.array(batch, np.uint64).reshape(-1, WORDS).T
        keys[2, keys[3:].any(axis=0)] |= WIDE
        assert pairs.number(keys).tolist() == [seen.setdefault(key, len(seen)) for key in batch]
    assert len(pairs) == len(seen)


def test_a_hundred_thousand_pairs_keep_their_numbers_while_the_table_grows() -> None:
    pairs = Pairs()
    keys = np.zeros((WORDS, 100_000), np.uint64)
    keys[1] = np.arange(100_000) * 977
    first = np.concatenate([pairs.number(part) for part in np.array_split(keys, 7, axis=1)])
    assert (first == np.arange(100_000)).all()
    assert (pairs.number(keys[:, ::-1]) == first[::-1]).all()


def test_the_other_end_stays_the_other_end() -> None:
    table = analysed([server(ACK, 1, 1), client(ACK, 1, 1)]).connections.snapshot()
    assert table.port[0].tolist() == [SERVER[1], CLIENT[1]]
    assert table.client[0] == 1  # by its port: 80 is a server's
