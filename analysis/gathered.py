"""The packets of one connection, with those columns that views ask of every one of them, side by side.

A capture that grows has its newer packets added to what was gathered before: nothing older is looked at again, however
far apart in the packet table the connection's packets lie. Of a capture that has no end, those around a packet are
gathered, and how many come before and after them is counted.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.snapshot import rows_of
from capture.columns import Columns
from capture.mapped import forget_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.snapshot import Snapshot

_COLUMNS: Final[dict[str, Any]] = {
    "rows": np.int64,
    "time_ns": np.int64,
    "payload_length": np.uint32,
    "marks": np.uint32,
    "flags": np.uint16,
    "states": np.uint16,
    "protocol": np.uint8,
}
MOST: Final = 1 << 16
"""Packets that are gathered of one connection where a capture has no end; half as many are added to them."""
EDGE: Final = 8
"""Whoever is in the first or the last such part of them needs others, if there are more."""
STEP: Final = 1 << 18
"""Rows of the packet table that are looked at with one step."""
_adding: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Gathered:
    """N packets of a connection, ascending: their rows, and of these what `capture.table.Packets` says.

    They are all that there are in the first `until` rows of the packet table, but for the `earlier` ones, the last of
    which has the row `before` (-1: there are none), and the `later` ones. `columns` may have newer ones by now.
    """

    connection: int
    until: int
    columns: Columns
    rows: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    payload_length: NDArray[np.uint32]
    marks: NDArray[np.uint32]
    flags: NDArray[np.uint16]
    states: NDArray[np.uint16]
    protocol: NDArray[np.uint8]
    earlier: int = 0
    before: int = -1
    later: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def total(self) -> int:
        """How many packets the connection has, with those that are not here."""
        return self.earlier + len(self) + self.later

    def holds(self, packet: int) -> bool:
        """Whether a packet (a row of the connection, or where one would be) is here, and some before and after it."""
        edge = len(self) // EDGE
        place = int(np.searchsorted(self.rows, packet))
        return (not self.earlier or place >= edge) and (not self.later or place < len(self) - edge)


def gathered(
    snapshot: Snapshot, connection: int, before: Gathered | None = None, around: int | None = None
) -> Gathered:
    """All packets of a connection, or those `around` a row; `before` is what was gathered of an older snapshot.

    Its columns are added to and not copied, unless somebody else has done so.
    """
    packets = snapshot.packets
    if before is not None and (before.connection != connection or before.until > len(packets)):
        before = None
    if around is not None:
        before = _near(snapshot, connection, before, around)
        if before.until == len(packets):
            return before
    rows = rows_of(snapshot, connection, before.until if before is not None else 0)
    values = _values(snapshot, rows)
    with _adding:
        if before is None:
            columns = Columns(_COLUMNS, len(rows))
        elif len(before.columns) == len(before):
            columns = before.columns
        else:
            columns = Columns(_COLUMNS, len(before) + len(rows))
            columns.extend({name: getattr(before, name) for name in _COLUMNS})
        columns.extend(values)
        known: dict[str, Any] = dict(columns.items())
    if before is not None:
        return replace(before, until=len(packets), columns=columns, **known)
    return Gathered(connection, len(packets), columns, **known)


def _near(snapshot: Snapshot, connection: int, before: Gathered | None, around: int) -> Gathered:
    """Packets around a row: those of the snapshot, or older ones that are few enough to be added to."""
    until = len(snapshot.packets)
    if before is None or not before.holds(around):
        return _gathered_around(snapshot, connection, around)
    new = len(rows_of(snapshot, connection, before.until))
    if before.later:
        return replace(before, until=until, later=before.later + new)
    if len(before) + new <= MOST + MOST // 2:
        return before
    if new > MOST // 2:
        return _gathered_around(snapshot, connection, around)
    newest = _newest_of(before)
    # Whoever looks at older ones is far from those that have come.
    return newest if newest.holds(around) else replace(before, until=until, later=new)


def _values(snapshot: Snapshot, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The columns of these packets."""
    return {"rows": rows} | {name: getattr(snapshot.packets, name)[rows] for name in list(_COLUMNS)[1:]}


def _newest_of(before: Gathered) -> Gathered:
    """The last `MOST` of these packets."""
    gone = len(before) - MOST
    columns = Columns(_COLUMNS, MOST + MOST // 2)
    columns.extend({name: getattr(before, name)[gone:] for name in _COLUMNS})
    known: dict[str, Any] = dict(columns.items())
    return replace(before, columns=columns, earlier=before.earlier + gone, before=int(before.rows[gone - 1]), **known)


def _gathered_around(snapshot: Snapshot, connection: int, packet: int) -> Gathered:
    """At most `MOST` packets of a connection, as many before a row as after it, or else the first or the last."""
    packets, table = snapshot.packets, snapshot.connections
    first, end = int(table.first_packet[connection]), min(int(table.last_packet[connection]) + 1, len(packets))
    middle = min(max(packet + 1, first), end)
    pieces: deque[NDArray[np.int64]] = deque()
    kept = earlier = later = 0
    before = -1
    for piece in _pieces(snapshot, connection, first, middle):
        pieces.append(piece)
        kept += len(piece)
        while kept - len(pieces[0]) >= MOST:
            gone = pieces.popleft()
            kept, earlier = kept - len(gone), earlier + len(gone)
            before = int(gone[-1]) if len(gone) else before
    place, ahead = kept, 0
    for piece in _pieces(snapshot, connection, middle, end):
        if ahead < MOST:
            pieces.append(piece)
            ahead += len(piece)
        else:
            later += len(piece)
    rows = np.concatenate([np.zeros(0, np.int64), *pieces])
    begin = min(max(place - MOST // 2, 0), max(len(rows) - MOST, 0))
    before = int(rows[begin - 1]) if begin else before
    later += max(len(rows) - begin - MOST, 0)
    rows = rows[begin : begin + MOST]
    columns = Columns(_COLUMNS, len(rows) if len(rows) < MOST else MOST + MOST // 2)
    for at in range(int(rows[0]), int(rows[-1]) + 1, STEP) if len(rows) else ():
        columns.extend(_values(snapshot, rows[np.searchsorted(rows, at) : np.searchsorted(rows, at + STEP)]))
        _let_go(snapshot, at)
    known: dict[str, Any] = dict(columns.items())
    return Gathered(connection, len(packets), columns, **known, earlier=earlier + begin, before=before, later=later)


def _pieces(snapshot: Snapshot, connection: int, first: int, end: int) -> Iterator[NDArray[np.int64]]:
    """The rows of a connection's packets from one row to before another; what is read for it is let go again."""
    for at in range(first, end, STEP):
        yield rows_of(snapshot, connection, at, min(at + STEP, end))
        _let_go(snapshot, at)


def _let_go(snapshot: Snapshot, at: int) -> None:
    """Packets of one connection may lie far apart: looking at them fetches much. The newest stay at hand."""
    if at + 2 * STEP < len(snapshot.packets):
        for name in ("connection", *list(_COLUMNS)[1:]):
            forget_rows(getattr(snapshot.packets, name), at, at + STEP)
