"""Unique payload bytes and holes: against sets of bytes, and as Zeek's `g` tells them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.zeek import history
from segments_builder import ACK, PSH, SYN, WRAP, Segment, analysed, client, server

OPEN = [client(SYN, 100), server(SYN | ACK, 300, 101), client(ACK, 101, 301)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=14),
    st.sampled_from([100, WRAP - 20]),
    st.sets(st.integers(0, 15)),
)
def test_no_byte_is_counted_twice_and_none_is_forgotten(
    parts: list[tuple[int, int]], initial: int, cuts: set[int]
) -> None:
    segments = [client(SYN, initial)]
    segments += [client(PSH | ACK, initial + 1 + begin, 1, data=size) for begin, size in parts]
    seen = {byte for begin, size in parts for byte in range(begin, begin + size)}
    table = analysed(segments, {cut for cut in cuts if cut < len(segments)}).connections.snapshot()
    assert table.unique_bytes[0].tolist() == [len(seen), 0]


LATER = client(PSH | ACK, 111, 301, data=10)  # bytes 101 to 110 are missing
EARLIER = client(PSH | ACK, 101, 301, data=10)
HOLES: dict[str, tuple[list[Segment], str]] = {
    "what was never seen is acknowledged": ([LATER, server(ACK, 301, 121)], "ShADaG"),
    "only what is before the hole is acknowledged": ([LATER, server(ACK, 301, 101)], "ShADa"),
    "the hole was filled before": ([LATER, EARLIER, server(ACK, 301, 121)], "ShADTa"),
    "the hole is filled afterwards": ([LATER, server(ACK, 301, 121), EARLIER], "ShADaGT"),
    "half of it was filled": (
        [LATER, client(PSH | ACK, 101, 301, data=5), server(ACK, 301, 106), server(ACK, 301, 121)],
        "ShADTaG",
    ),
    "one hole is told once": ([LATER, server(ACK, 301, 121), server(ACK, 301, 121)], "ShADaG"),
}


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_is_told_when_it_is_acknowledged(name: str) -> None:
    segments, expected = HOLES[name]
    for cuts in ((), range(len(OPEN + segments))):
        assert history(analysed(OPEN + segments, cuts).connections.snapshot(), 0) == expected


def test_an_acknowledgment_before_the_hole_was_shown_does_not_count() -> None:
    segments = [*OPEN, server(ACK, 301, 121), LATER]
    assert history(analysed(segments).connections.snapshot(), 0) == "ShAaD"
