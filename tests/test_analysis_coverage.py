"""Unique payload bytes and holes: against sets of bytes, and as Zeek's `g` tells them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.zeek import history
from segments_builder import ACK, PSH, RST, SYN, WRAP, Segment, analysed, client, server

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


def test_a_hole_in_a_connection_whose_opening_was_not_seen_is_not_told() -> None:
    midstream = [client(PSH | ACK, 101, 301, data=5), client(PSH | ACK, 116, 301, data=5), server(ACK, 301, 121)]
    assert history(analysed(midstream).connections.snapshot(), 0) == "Da"


def snapped(begin: int, size: int = 10, kept: int = 0) -> Segment:
    return client(PSH | ACK, begin, 301, data=size, snapped=size - kept)


CUT: dict[str, tuple[list[Segment], str]] = {
    "payload that the snap length cut off is acknowledged": ([snapped(101), server(ACK, 301, 111)], "ShADaG"),
    "so is what was captured in part": ([snapped(101, kept=9), server(ACK, 301, 111)], "ShADaG"),
    "what was captured whole leaves no gap": ([snapped(101, kept=10), server(ACK, 301, 111)], "ShADa"),
    "it is not acknowledged yet": ([snapped(101), server(ACK, 301, 101)], "ShADa"),
    "what is sent again opens no gap": (
        [client(PSH | ACK, 101, 301, data=10), snapped(101), server(ACK, 301, 111)],
        "ShADTa",
    ),
    "a reset ends all": ([snapped(101), server(RST | ACK, 301, 111)], "ShADr"),
    "each acknowledgment that moves on tells of one": (
        [each for n in range(10) for each in (snapped(101 + 10 * n), server(ACK, 301, 111 + 10 * n))],
        "ShADaGG",
    ),
    "one that moves on inside tells of one, too": (
        [snapped(101, 20), *(server(ACK, 301, 102 + n) for n in range(10))],
        "ShADaGG",
    ),
    "ten stretches with whole segments between them are ten": (
        [*(snapped(101 + 10 * n, kept=10 * (n % 2)) for n in range(20)), server(ACK, 301, 301)],
        "ShADaGG",
    ),
    "stretches that touch are one": (
        [*(snapped(101 + 10 * n) for n in range(20)), server(ACK, 301, 301)],
        "ShADaG",
    ),
}


@pytest.mark.parametrize("name", CUT)
def test_payload_that_was_cut_off_is_a_hole_for_zeek(name: str) -> None:
    segments, expected = CUT[name]
    for cuts in ((), range(len(OPEN + segments))):
        assert history(analysed(OPEN + segments, cuts).connections.snapshot(), 0) == expected


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("sent"), st.integers(0, 40), st.integers(1, 9), st.booleans()),
            st.tuples(st.just("acknowledged"), st.integers(0, 50), st.just(0), st.booleans()),
        ),
        max_size=40,
    ),
    st.sampled_from([100, WRAP - 20]),
    st.sets(st.integers(0, 45)),
)
def test_batches_do_not_matter_to_what_was_cut_off(
    parts: list[tuple[str, int, int, bool]], initial: int, cuts: set[int]
) -> None:
    segments = [client(SYN, initial), server(SYN | ACK, 300, initial + 1), client(ACK, initial + 1, 301)]
    for what, begin, size, cut in parts:
        if what == "sent":
            segments.append(client(PSH | ACK, initial + 1 + begin, 301, data=size, snapped=size * cut))
        else:
            segments.append(server(ACK, 301, initial + 1 + begin))
    whole = analysed(segments).connections
    parted = analysed(segments, {cut for cut in cuts if cut < len(segments)}).connections
    assert history(parted.snapshot(), 0) == history(whole.snapshot(), 0)
    assert parted.counts.of("gaps", np.arange(2)).tolist() == whole.counts.of("gaps", np.arange(2)).tolist()
