"""The marks of a batch: all at once, and segment by segment through the few connections for which that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.carrying import Carried
from analysis.judging import Segment, judge
from analysis.marking import Marking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.moments import Moments
    from analysis.segments import Segments
    from capture.columns import Columns


def mark_segments(s: Segments, moments: Moments, columns: Columns) -> NDArray[np.uint32]:
    """The marks of a batch's segments, uint32 (K,), all but those of `analysis.opening_marks`."""
    carried = Carried.load(columns, s.connection)
    marking = Marking(s, moments, carried)
    marks, left_out = marking.run()
    for group in left_out.tolist():
        marks[s.begin[group] : s.end[group]] = walk(s, group, moments, carried, marking.after)
    marking.after.store(columns, s.connection)
    return marks


def walk(s: Segments, group: int, moments: Moments, carried: Carried, after: Carried) -> NDArray[np.uint32]:
    """Judge one connection of the batch by the rule book: the marks of all its segments, uint32.

    `carried` is what was known before the batch; `after` gets what is known after it.
    """
    begin, end = int(s.begin[group]), int(s.end[group])
    at = np.flatnonzero(s.analysed[begin:end]) + begin
    limit = moments.reordered_within(np.full(len(at), group), at)
    columns = (s.packet, s.direction, s.flags, s.sequence, s.acknowledgment, s.window, s.length, s.time_ns)
    values = [column[at].tolist() for column in (*columns, moments.shift)]
    sides = tuple(
        carried.side(2 * group + end, int(moments.scaling_before[group, end]), moments.earlier) for end in (0, 1)
    )
    marks = np.zeros(end - begin, np.uint32)
    segments = (Segment(*each) for each in zip(*values, limit.tolist(), strict=True))
    marks[at - begin] = judge(segments, (sides[0], sides[1]))
    for side in (0, 1):
        after.keep(2 * group + side, sides[side])
    return marks
