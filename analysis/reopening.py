"""Which packets of a batch belong to connections that were opened anew between known endpoints.

Only SYNs that come late, after a pair's first packet, can do that, and hardly any does. One that repeats the number
which its direction is known to have begun with does not (`analysis.reuse`), so that is asked of all at once; the
packets of the pairs that are left are walked one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import indices
from analysis.reuse import BEFORE, Stream, opened_at
from capture.protocol import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from capture.headers import Headers

TCP: Final = 6
OPENING: Final = np.uint16(Flag.SYN | Flag.ACK)
SYN: Final = np.uint16(Flag.SYN)
ANALYSED_SYN: Final = np.uint16(Flag.SYN | Flag.NOT_ANALYSED)


def reopenings(
    headers: Headers,
    pair: NDArray[np.int64],
    lower: NDArray[np.bool_],
    newest: NDArray[np.int32],
    starts: NDArray[np.int64],
    table: ConnectionTable,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of pairs with a SYN that may open another connection, and at which row theirs was opened, or `BEFORE`.

    `newest` tells each pair's newest connection; those that open at the rows `starts` have the numbers that follow on
    the connection table's.
    """
    late = _late_syns(headers, starts)
    if not len(late):
        return late, late
    of_batch = newest[pair[late]] - len(table)
    begun = indices(of_batch >= 0)
    earlier = indices(of_batch < 0)
    repeats = np.zeros(len(late), np.bool_)
    repeats[begun] = _repeat_first(headers, lower, late[begun], starts[of_batch[begun]])
    repeats[earlier] = _repeat_known(headers, lower, late[earlier], newest[pair[late[earlier]]], table)
    # An answer of the same end may have put another number in the place of the first one.
    repeats &= ~_answered_too(headers, 2 * pair + lower, late)
    doubtful = pair[late[~repeats]]
    if not len(doubtful):
        return late[:0], late[:0]
    concerned = np.zeros(len(newest), np.bool_)
    concerned[doubtful] = True
    opening = {int(pair[row]): int(row) for row in starts[concerned[pair[starts]]]}
    walked = indices(concerned[pair] & (headers.endpoints.transport == TCP))

    def known(number: int) -> Stream:
        return Stream(opening[number]) if number in opening else _known_stream(int(newest[number]), table)

    columns = (pair, ~lower, headers.flags, headers.sequence, headers.acknowledgment)
    segments = zip(walked.tolist(), *(column[walked].tolist() for column in columns), strict=True)
    return walked, np.array(opened_at(segments, known), np.int64)


def _late_syns(headers: Headers, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of SYNs without ACK that open no pair."""
    late = (headers.flags & OPENING == SYN) & (headers.endpoints.transport == TCP)
    late[starts] = False
    return indices(late)


def _answered_too(headers: Headers, end: NDArray[np.int64], late: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the end that sent each late SYN has also sent a SYN with ACK; `end` (N,) tells the end of each row."""
    answers = indices((headers.flags & OPENING == OPENING) & (headers.endpoints.transport == TCP))
    order = np.argsort(end[late])
    asked, answering = end[late[order]], end[answers]
    at = np.minimum(asked.searchsorted(answering), len(asked) - 1)
    of_asked = np.zeros(len(late), np.bool_)
    of_asked[asked.searchsorted(answering[asked[at] == answering])] = True
    found = np.zeros(len(late), np.bool_)
    found[order] = of_asked[asked.searchsorted(asked)]  # an end may have sent several
    return found


def _repeat_first(
    headers: Headers, lower: NDArray[np.bool_], rows: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether they repeat their pair's first packet, a SYN of the same end."""
    same: NDArray[np.bool_] = (lower[rows] == lower[first]) & (headers.sequence[rows] == headers.sequence[first])
    same &= headers.flags[first] & ANALYSED_SYN == SYN
    return same


def _repeat_known(
    headers: Headers,
    lower: NDArray[np.bool_],
    rows: NDArray[np.int64],
    connection: NDArray[np.int32],
    table: ConnectionTable,
) -> NDArray[np.bool_]:
    """Whether they have the initial number that the connection table knows of their end."""
    end = 2 * connection + (lower[rows] != table.columns["a_lower"][connection])
    known, initial = (table.columns[name].reshape(-1)[end] for name in ("sequence_known", "initial_sequence"))
    same: NDArray[np.bool_] = (known != 0) & (initial == headers.sequence[rows])
    if table.other_answers:
        same &= ~np.isin(end, np.fromiter(table.other_answers, np.int64, len(table.other_answers)))
    return same


def _known_stream(row: int, table: ConnectionTable) -> Stream:
    """What the connection table knows of a connection."""
    columns = table.columns
    numbers = zip(columns["initial_sequence"][row].tolist(), columns["sequence_known"][row], strict=True)
    known = [
        table.other_answers.get(2 * row + end, value) if told else None for end, (value, told) in enumerate(numbers)
    ]
    return Stream(BEFORE, known if columns["a_lower"][row] else known[::-1])
