"""The marks of a batch: all at once, and segment by segment through the few connections for which that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.carrying import Carried
from analysis.judging import Segment, judge
from analysis.marking import Marking
from analysis.places import among

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.moments import Moments
    from analysis.reach import Reach
    from analysis.segments import Segments
    from capture.columns import Columns


def mark_segments(s: Segments, moments: Moments, columns: Columns) -> tuple[NDArray[np.uint32], Reach]:
    """The marks of a batch's segments, uint32 (n,), but those of `analysis.opening_marks`, and how far ends reach."""
    carried = Carried.load(columns, s.ends)
    marking = Marking(s, moments, carried)
    marks, left_out = marking.run()
    if len(left_out):
        walk(s, left_out, moments, carried, marking.after, marks)
    marking.after.store(columns, s.ends)
    return marks, marking.reach


def walk(
    s: Segments,
    groups: NDArray[np.int64],
    moments: Moments,
    carried: Carried,
    after: Carried,
    marks: NDArray[np.uint32],
) -> None:
    """Judge some connections of the batch (`groups`) by the rule book: the marks of all their segments, into `marks`.

    `carried` is what was known before the batch; `after` gets what is known after it.
    """
    begin = s.begin[2 * groups]
    size = s.begin[2 * groups + 2] - begin
    heads = size.cumsum() - size
    at = s.turn[np.arange(size.sum()) + np.repeat(begin - heads, size)]
    fields = (s.side & 1, s.flags, s.sequence, s.acknowledgment, s.window, s.length)
    values = [
        s.packet(at),
        *(column[at] for column in fields),
        s.time_ns(at),
        moments.shift[s.row[at]],
        moments.reordered_within(groups.repeat(size), s.row[at]),
        among(at, moments.excused),
    ]
    segments = list(map(Segment._make, zip(*(column.tolist() for column in values), strict=True)))
    told: list[int] = []
    for group, head, many in zip(groups.tolist(), heads.tolist(), size.tolist(), strict=True):
        a, b = (
            carried.side(side, int(moments.scaling_before[side]), moments.earlier)
            for side in (2 * group, 2 * group + 1)
        )
        told += judge(segments[head : head + many], (a, b))
        for side, known in enumerate((a, b), 2 * group):
            after.keep(side, known)
    marks[at] = told
