"""Marks of SYNs and SYN,ACKs that their options and first numbers tell: reused ports, and TCP Fast Open (RFC 7413)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.marks import Mark
from analysis.places import among, indices
from analysis.renumbered import note_renumbered
from analysis.segments import ACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.segments import Segments
    from analysis.streams import Assignment
    from capture.headers import SynOptions

WRAP: Final = 1 << 32


def mark_openings(
    s: Segments, assigned: Assignment, options: SynOptions, table: ConnectionTable, marks: NDArray[np.uint32]
) -> None:
    """Add them to `marks` (K,).

    A SYN that opens another connection between known ports, or a SYN,ACK of another number than the one before,
    reuses ports; from then on that number is its end's first. A SYN,ACK accepts Fast Open if it acknowledges more than
    the SYN; it ignores it if it does not, and a SYN of the connection, whoever sent it, had a cookie and data. A cookie
    of no bytes asks for one, and is no Fast Open yet.
    """
    at = s.opening
    if not len(at):
        return
    cookie = np.full(len(assigned.connection), -1, np.int8)
    cookie[options.row] = options.fast_open
    answers = s.flags[at] & ACK != 0
    side = s.ends[s.side[at]]
    row = side >> 1
    initial = table.columns["initial_sequence"].reshape(-1)
    _add(marks, at[among(s.row[at], assigned.reopened)], Mark.REUSED_PORTS)
    beyond = s.acknowledgment[at] - initial[side ^ 1] > 1
    other = answers & (initial[side] != s.sequence[at])
    if table.other_answers or other.any():
        of_answers = indices(answers)[np.argsort(s.row[at[answers]])]
        again, beyond[of_answers] = _answer_by_answer(s, at[of_answers], table)
        others = at[of_answers[again]]
        _add(marks, others, Mark.REUSED_PORTS)
        note_renumbered(table.renumbered, s.packet(others), s.ends[s.side[others]], s.sequence[others])
    fast = ~answers & (cookie[s.row[at]] > 0)
    _add(marks, at[fast], Mark.TFO_SYN)
    _add(marks, at[answers & beyond], Mark.TFO_ACK)
    promised = table.columns["fast_open"]
    if not (fast & (s.length[at] > 0)).any() and not (promised[row] & 1).any():
        return
    for place in range(len(at)):
        if fast[place] and s.length[at[place]]:
            promised[row[place]] |= 1
        elif answers[place] and not beyond[place] and promised[row[place]] & 1:
            marks[at[place]] |= np.uint32(Mark.TFO_IGNORED)


def _add(marks: NDArray[np.uint32], at: NDArray[np.int64], mark: Mark) -> None:
    marks[at] |= np.uint32(mark)


def _answer_by_answer(
    s: Segments, answers: NDArray[np.int64], table: ConnectionTable
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which SYN,ACKs, given in capture order, have another number than their end's first, and which acknowledge more.

    More than the other end's first number, that is. A SYN,ACK of another number puts its own in that place.
    """
    side = s.ends[s.side[answers]]
    initial, known = table.columns["initial_sequence"].reshape(-1), table.other_answers
    again, beyond = np.zeros(len(side), np.bool_), np.zeros(len(side), np.bool_)
    columns = (side, initial[side], initial[side ^ 1], s.sequence[answers], s.acknowledgment[answers])
    for at, (key, own, others, number, acknowledged) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        if number != known.get(key, own):
            again[at] = True
            known[key] = number
        beyond[at] = (acknowledged - known.get(key ^ 1, others)) % WRAP > 1
    return again, beyond
