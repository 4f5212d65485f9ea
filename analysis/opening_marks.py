"""Marks of SYNs and SYN,ACKs that their options and first numbers tell: reused ports, and TCP Fast Open (RFC 7413)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.marks import Mark
from analysis.segments import ACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.segments import Segments
    from analysis.streams import Assignment
    from capture.headers import SynOptions


def mark_openings(
    s: Segments, assigned: Assignment, options: SynOptions, table: ConnectionTable, marks: NDArray[np.uint32]
) -> None:
    """Add them to `marks` (K,).

    A SYN that opens another connection between known ports, or a SYN,ACK of another number than the one before,
    reuses ports. A SYN,ACK accepts Fast Open if it acknowledges more than the SYN; it ignores it if it does not, and
    the SYN had a cookie and data. A cookie of no bytes asks for one, and is no Fast Open yet.
    """
    at = s.opening
    if not len(at):
        return
    cookie = np.full(len(assigned.connection), -1, np.int8)
    cookie[options.row] = options.fast_open
    answers = s.flags[at] & ACK != 0
    side = s.ends[s.side[at]]
    row, end = side >> 1, side & 1
    initial = table.columns["initial_sequence"].reshape(-1)
    _add(marks, at[np.isin(s.row[at], assigned.reopened)], Mark.REUSED_PORTS)
    other = answers & (initial[side] != s.sequence[at])
    if table.other_answers or other.any():
        _mark_other_answers(s, at[answers], table, marks)
    fast = ~answers & (cookie[s.row[at]] > 0)
    _add(marks, at[fast], Mark.TFO_SYN)
    beyond = s.acknowledgment[at] - initial[side ^ 1] > 1
    _add(marks, at[answers & beyond], Mark.TFO_ACK)
    promised = table.columns["fast_open"]
    if not (fast & (s.length[at] > 0)).any() and not promised[row].any():
        return
    for place in range(len(at)):
        if fast[place] and s.length[at[place]]:
            promised[row[place]] |= 1 << end[place]
        elif answers[place] and not beyond[place] and promised[row[place]] >> (1 - end[place]) & 1:
            marks[at[place]] |= np.uint32(Mark.TFO_IGNORED)


def _add(marks: NDArray[np.uint32], at: NDArray[np.int64], mark: Mark) -> None:
    marks[at] |= np.uint32(mark)


def _mark_other_answers(
    s: Segments, answers: NDArray[np.int64], table: ConnectionTable, marks: NDArray[np.uint32]
) -> None:
    """A SYN,ACK reuses ports if its number is not that of its end's SYN,ACK before, or else the initial one."""
    side = s.ends[s.side[answers]]
    initial = table.columns["initial_sequence"].reshape(-1)[side]
    known = table.other_answers
    for at, key, first, number in zip(
        answers.tolist(), side.tolist(), initial.tolist(), s.sequence[answers].tolist(), strict=True
    ):
        if number != known.get(key, first):
            marks[at] |= np.uint32(Mark.REUSED_PORTS)
            known[key] = number
