"""Which connection a packet belongs to: Wireshark's stream boundaries, in its numbering."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.key_table import KeyTable
from analysis.pairs import Pairs
from analysis.services import transport_name
from capture.headers import Endpoints
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


@pytest.mark.parametrize("header", range(16))
def test_a_header_cut_before_its_window_belongs_to_no_stream(header: int) -> None:
    cut = 20 - header
    another = replace(client(SYN, 1), source=("10.0.0.5", 51001))
    segments = [
        *(client(SYN, 100, snapped=cut), another, client(SYN, 100), server(SYN | ACK, 300, 101, snapped=cut)),
        *(client(ACK, 101, 301), client(SYN, 900, snapped=cut)),
    ]
    for batches in ((), range(len(segments))):
        analyser = analysed(segments, batches)
        table = analyser.connections.snapshot()
        assert analyser.packets.snapshot().connection.tolist() == [0, 1, 2, 0, 2, 0]
        assert [transport_name(4, carrier) for carrier in table.transport.tolist()] == [
            *("tcp cut" if header >= 4 else "tcp pieces", "tcp", "tcp"),
        ]
        assert table.stream[1:].tolist() == [0, 1]
        assert table.packets.sum(axis=1).tolist() == [3, 1, 2]
        assert table.completeness.tolist() == [0, 1, 5]
        assert table.port[0].tolist() == ([51000, 80] if header >= 4 else [0, 0])
        assert analyser.packets.snapshot().states[[0, 3, 5]].tolist() == [0, 0, 0]


@pytest.mark.parametrize("header", range(16, 21))
def test_a_header_that_has_its_window_belongs_to_its_stream(header: int) -> None:
    segments = [client(SYN, 100, snapped=20 - header), server(SYN | ACK, 300, 101, snapped=20 - header)]
    assert analysed(segments).packets.snapshot().connection.tolist() == [0, 0]


def test_an_address_that_talks_to_itself_is_one_connection() -> None:
    alone = Segment(CLIENT, CLIENT, SYN, 5)
    assert analysed([alone, replace(alone, flags=ACK)]).packets.snapshot().connection.tolist() == [0, 0]


def test_the_direction_is_that_of_the_first_packet() -> None:
    from_b = analysed([server(ACK, 1, 1), client(ACK, 1, 1), server(ACK, 1, 1)]).packets.snapshot().flags >> 9 & 1
    assert from_b.tolist() == [0, 1, 0]


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=60), max_size=5))
def test_keys_are_numbered_in_order_of_appearance(batches: list[list[tuple[int, int]]]) -> None:
    table = KeyTable(2)
    seen: dict[tuple[int, int], int] = {}
    for batch in batches:
        first = [at for at, key in enumerate(batch) if key not in seen and batch.index(key) == at]
        numbers, new = table.number(list(np.array(batch, np.uint64).reshape(-1, 2).T))
        assert numbers.tolist() == [seen.setdefault(key, len(seen)) for key in batch]
        assert new.tolist() == first
    assert len(table) == len(seen)


def test_a_hundred_thousand_keys_keep_their_numbers_while_the_table_grows() -> None:
    table = KeyTable(1)
    keys = np.arange(100_000, dtype=np.uint64) * 977
    first = np.concatenate([table.number([part])[0] for part in np.array_split(keys, 7)])
    assert (first == np.arange(100_000)).all()
    assert (table.number([keys[::-1]])[0] == first[::-1]).all()


ADDRESSES = [(4, 0, 7), (4, 0, 9), (6, 0, 7), (6, 5, 7), (6, 7, 5), (1, 0, 7 << 40)]


@given(st.lists(st.tuples(*[st.sampled_from(ADDRESSES), st.integers(0, 1)] * 2), max_size=60))
def test_a_pair_is_both_addresses_and_ports_in_any_order(packets: list[tuple[Any, int, Any, int]]) -> None:
    packets = [each for each in packets if each[0][0] == each[2][0]]
    columns = np.array([(*one, port, *other, other_port) for one, port, other, other_port in packets], np.uint64)
    family, high, low, port, _, other_high, other_low, other_port = columns.reshape(-1, 8).T
    ends = Endpoints(
        *(family.astype(np.uint8), np.full(len(packets), 17, np.uint16), high, low, other_high, other_low),
        *(port.astype(np.uint16), other_port.astype(np.uint16)),
    )
    pairs = Pairs()
    seen: dict[frozenset[Any], int] = {}
    expected = [seen.setdefault(frozenset((each[:2], each[2:])), len(seen)) for each in packets]
    assert pairs.number(pairs.keys(ends)[0])[0].tolist() == expected
    assert pairs.transports(np.arange(len(seen))).tolist() == [17] * len(seen)


def test_the_other_end_stays_the_other_end() -> None:
    table = analysed([server(ACK, 1, 1), client(ACK, 1, 1)]).connections.snapshot()
    assert table.port[0].tolist() == [SERVER[1], CLIENT[1]]
    assert table.client[0] == 1  # by its port: 80 is a server's


def test_a_guessed_first_number_gives_way_to_that_of_a_syn_ack() -> None:
    """An ACK of the old connection comes first (RFC 9293 figure 9); numbers count from the answer, as in Wireshark."""
    segments = [client(SYN, 9000), server(ACK, 341, 121), client(RST, 121), client(SYN, 9000)]
    answered = [*segments, server(SYN | ACK, 7000, 9001), client(ACK, 9001, 7001)]
    assert analysed(segments).connections.snapshot().initial_sequence.tolist() == [[9000, 340]]
    for cuts in ((), range(len(answered))):
        assert analysed(answered, cuts).connections.snapshot().initial_sequence.tolist() == [[9000, 7000]]


def test_a_first_number_that_was_seen_stays() -> None:
    segments = [*OPEN, server(SYN | ACK, 777, 101)]
    assert analysed(segments).connections.snapshot().initial_sequence.tolist() == [[100, 300]]
