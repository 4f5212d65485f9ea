"""Where the analysis takes a shortcut for what is usual, the long way gives the same columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import coverage, gaps, reach, reopening, tracking
from segments_builder import ACK, FIN, PSH, RST, SYN, Segment, analysed, client, server
from test_analysis_batches import columns, segment


def none(*columns: Any) -> Any:
    """For each row of the fourth of these arrays: no."""
    return np.zeros(len(columns[3]), np.bool_)


LONG_WAYS: dict[str, tuple[Any, str, Any]] = {
    "every connection walked alone": (tracking, "_FEW", 1 << 20),
    "every connection walked in step": (tracking, "_FEW", 0),
    "distances summed from segment to segment": (reach, "NEAR", 0),
    "every gap followed alone": (gaps, "is_single", lambda many, _: many < 0),
    "every hole followed alone": (coverage, "is_single", lambda many, _: many < 0),
    "every late SYN walked": (reopening, "_repeat_first", none),
    "every late SYN of an earlier connection walked": (reopening, "_repeat_known", none),
}
FAR = 1_500_000_000


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
