"""The packets of one connection, with those columns that views ask of every one of them, side by side.

A capture that grows has its newer packets added to what was gathered before: nothing older is looked at again, however
far apart in the packet table the connection's packets lie.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.snapshot import rows_of
from capture.columns import Columns

if TYPE_CHECKING:
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
_adding: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Gathered:
    """N packets of a connection, ascending: their rows, and of these what `capture.table.Packets` says.

    They are all that there are in the first `until` rows of the packet table. `columns` may have newer ones by now.
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

    def __len__(self) -> int:
        return len(self.rows)


def gathered(snapshot: Snapshot, connection: int, before: Gathered | None = None) -> Gathered:
    """All packets of a connection; `before` is what was gathered of an older snapshot of the same capture.

    Its columns are added to and not copied, unless somebody else has done so.
    """
    packets = snapshot.packets
    if before is not None and (before.connection != connection or before.until > len(packets)):
        before = None
    rows = rows_of(snapshot, connection, before.until if before is not None else 0)
    values = {"rows": rows} | {name: getattr(packets, name)[rows] for name in list(_COLUMNS)[1:]}
    with _adding:
        if before is None:
            columns = Columns(_COLUMNS, len(rows))
        elif len(before.columns) == len(before):
            columns = before.columns
        else:
            columns = Columns(_COLUMNS, len(before) + len(rows))
            columns.extend({name: getattr(before, name) for name in _COLUMNS})
        columns.extend(values)
        known = dict(columns.items())
    return Gathered(connection, len(packets), columns, **known)
