"""The packets of one connection, with those columns that views ask of every one of them, side by side.

A capture that grows has its newer packets added to what was gathered before: nothing older is looked at again, however
far apart in the packet table the connection's packets lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.snapshot import rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.snapshot import Snapshot

_COLUMNS: Final = ("time_ns", "payload_length", "marks", "flags", "states", "protocol")


@dataclass(frozen=True, slots=True)
class Gathered:
    """N packets of a connection, ascending: their rows, and of these what `capture.table.Packets` says.

    They are all that there are in the first `until` rows of the packet table.
    """

    connection: int
    until: int
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
    """All packets of a connection; `before` is what was gathered of an older snapshot of the same capture."""
    packets = snapshot.packets
    if before is not None and (before.connection != connection or before.until > len(packets)):
        before = None
    rows = rows_of(snapshot, connection, before.until if before is not None else 0)
    columns = {name: getattr(packets, name)[rows] for name in _COLUMNS}
    if before is not None:
        columns = {name: np.concatenate((getattr(before, name), column)) for name, column in columns.items()}
        rows = np.concatenate((before.rows, rows))
    return Gathered(connection, len(packets), rows, **columns)
