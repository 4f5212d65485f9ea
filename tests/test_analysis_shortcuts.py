"""Where the analysis takes a shortcut for what is usual, the long way gives the same columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis import coverage, gaps, marking, reach, reopening, tracking
from segments_builder import ACK, FIN, PSH, RST, SYN, Segment, analysed, client, server
from test_analysis_batches import columns, segment

if TYPE_CHECKING:
    from collections.abc import Callable


def none(*columns: Any) -> Any:
    """For each row of the fourth of these arrays: no."""
    return np.zeros(len(columns[3]), np.bool_)


LONG_WAYS: dict[str, tuple[Any, str, Any]] = {
    "every connection walked alone": (tracking, "_FEW", 1 << 20),
    "every connection walked in step": (tracking, "_FEW", 0),
    "distances summed from segment to segment": (reach, "NEAR", 0),
    "every gap followed alone": (gaps, "is_single", lambda many, _: many < 0),
    "every hole followed alone": (coverage, "is_single", lambda many, _: many < 0),
    "every connection judged by the rule book": (
        marking.Marking,
        "_left_out",
        lambda self, _: np.ones(len(self._s.connection), np.bool_),
    ),
    "every late SYN walked": (reopening, "_repeat_first", none),
    "every late SYN of an earlier connection walked": (reopening, "_repeat_known", none),
}
FAR = 1_500_000_000
SCALE = bytes((3, 3, 1))


@st.composite
def far_segment(draw: st.DrawFn) -> Segment:
    """A segment whose number may lie half the number space away."""
    one = draw(segment())
    return replace(one, seq=one.seq + draw(st.sampled_from([0, 0, FAR, 2 * FAR])))


@pytest.mark.parametrize("way", LONG_WAYS)
@settings(max_examples=60, deadline=None)
@given(segments=st.lists(st.one_of(segment(), far_segment()), min_size=1, max_size=25), data=st.data())
def test_the_long_way_gives_the_same(way: str, segments: list[Segment], data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(0, len(segments))))
    short = columns(analysed(segments, cuts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*LONG_WAYS[way])
        assert columns(analysed(segments, cuts)) == short


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(segment(), far_segment()), min_size=1, max_size=25))
def test_numbers_far_apart_do_not_depend_on_the_batches(segments: list[Segment]) -> None:
    assert columns(analysed(segments, range(len(segments)))) == columns(analysed(segments))


@st.composite
def edge_segment(draw: st.DrawFn) -> Segment:
    """A segment that may fill the other end's window, scaled by a handshake that may begin again."""
    sent: Callable[..., Segment] = draw(st.sampled_from([client, server]))
    if draw(st.integers(0, 4)) == 0:
        options = draw(st.sampled_from([b"", SCALE]))
        return sent(draw(st.sampled_from([SYN, SYN | ACK])), 100, 101, window=1, options=options)
    flags = draw(st.sampled_from([ACK, ACK, ACK | PSH, PSH, RST]))
    number, ack = draw(st.integers(100, 104)), draw(st.integers(100, 104))
    return sent(flags, number, ack, data=draw(st.sampled_from([0, 1, 2, 4])), window=draw(st.sampled_from([0, 1, 2])))


LATE_HANDSHAKE = [
    client(ACK, 101, 100),
    server(ACK, 100, 101, window=1),
    server(SYN | ACK, 100, 101, window=1, options=SCALE),
    client(SYN, 100, options=SCALE),
    client(PSH, 101, data=2),
]


@settings(max_examples=400, deadline=None)
@given(segments=st.lists(edge_segment(), min_size=4, max_size=16), cuts=st.sets(st.integers(0, 16)))
@example(LATE_HANDSHAKE, set())
def test_windows_of_handshakes_that_begin_again_are_those_of_the_rule_book(
    segments: list[Segment], cuts: set[int]
) -> None:
    short = columns(analysed(segments, {cut for cut in cuts if cut <= len(segments)}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*LONG_WAYS["every connection judged by the rule book"])
        assert columns(analysed(segments)) == short


RTT_STORIES = {
    "no time passed": ([client(SYN, 1, at_ms=1), server(ACK, 5, 2, at_ms=1), client(ACK, 2, 6, at_ms=3)], 2),
    "the first ACK came before any SYN": (
        [client(ACK, 1, 5), server(SYN, 4, at_ms=4), server(ACK, 5, 2, at_ms=9)],
        5,
    ),
    "a later SYN is the one that was answered": (
        [
            client(SYN, 1, at_ms=1),
            client(SYN, 1, at_ms=4),
            server(SYN | ACK, 5, 2, at_ms=5),
            client(ACK, 2, 6, at_ms=6),
        ],
        2,
    ),
    "refused": ([client(SYN, 1, at_ms=1), server(RST | ACK, 0, 2, at_ms=8)], 7),
    "a SYN after all": (
        [client(SYN, 1, at_ms=1), server(PSH | ACK, 5, 2, at_ms=3), client(SYN, 1, at_ms=4), client(FIN | ACK, 2, 6)],
        2,
    ),
}


@pytest.mark.parametrize("story", RTT_STORIES)
def test_initial_rtt(story: str) -> None:
    segments, milliseconds = RTT_STORIES[story]
    for cuts in ((), range(len(segments))):
        table = analysed(segments, cuts).connections.snapshot()
        assert table.initial_rtt_ns[0] == milliseconds * 1_000_000
