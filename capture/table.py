"""The packet table: one row a packet, append-only, read through frozen snapshots."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.columns import Columns
from capture.mapped import STEP, MappedColumns, forget_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SCHEMA: Final[dict[str, Any]] = {
    "time_ns": np.int64,
    "offset": np.int64,
    "captured_length": np.uint32,
    "original_length": np.uint32,
    "payload_length": np.uint32,
    "connection": np.int32,
    "marks": np.uint32,
    "flags": np.uint16,
    "interface": np.uint16,
    "states": np.uint16,
    "protocol": np.uint8,
}
"""41 bytes a packet."""
STRIDE: Final = 32
"""Of an endless table every so-maniest row stays in memory as well, for pictures of the whole ..."""
MOST_THINNED: Final = 1 << 17
"""... until these are so many: then every other one of them goes."""


@dataclass(frozen=True, slots=True)
class Packets:
    """A snapshot of the packet table: N rows that never change. Row i is packet number i + 1."""

    time_ns: NDArray[np.int64]  # since the epoch
    offset: NDArray[np.int64]  # of the packet's first byte in the byte store
    captured_length: NDArray[np.uint32]
    original_length: NDArray[np.uint32]
    payload_length: NDArray[np.uint32]  # of the innermost transport, by the headers' word
    connection: NDArray[np.int32]  # row of the connection table
    marks: NDArray[np.uint32]  # one bit a judgement
    flags: NDArray[np.uint16]  # `capture.protocol.Flag`
    interface: NDArray[np.uint16]  # row of the interface list
    states: NDArray[np.uint16]  # both ends' states after this packet: a's in the low byte, b's in the high byte
    protocol: NDArray[np.uint8]  # `capture.protocol.Protocol`

    def __len__(self) -> int:
        return len(self.time_ns)

    def let_go(self) -> None:
        """Drop from memory what was fetched from files (`capture.mapped`), but for the newest rows."""
        for field in fields(self):
            forget_rows(getattr(self, field.name), 0, len(self) - STEP)


@dataclass(frozen=True, slots=True)
class Thinned:
    """Every `stride`-th row of a snapshot, the first one first, with the columns that pictures of all packets need."""

    time_ns: NDArray[np.int64]
    payload_length: NDArray[np.uint32]
    connection: NDArray[np.int32]
    flags: NDArray[np.uint16]
    protocol: NDArray[np.uint8]
    stride: int = STRIDE

    def __len__(self) -> int:
        return len(self.time_ns)


THINNED: Final = {name: SCHEMA[name] for name in ("time_ns", "payload_length", "connection", "flags", "protocol")}


class PacketTable:
    """The growing table behind the snapshots. One thread writes.

    One that is `endless` keeps older rows out of memory (`capture.mapped`); adding to it may raise OSError.
    """

    def __init__(self, *, endless: bool = False) -> None:
        self.columns = MappedColumns(SCHEMA) if endless else Columns(SCHEMA)
        self._thinned = Columns(THINNED) if endless else None
        self._stride = STRIDE
        self.span_ns: tuple[int, int] | None = None
        """The earliest and the latest time; None: there are no packets, or they were taken as whole columns."""

    def __len__(self) -> int:
        return len(self.columns)

    def extend(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Append a batch, not empty: one array for each column of `SCHEMA`."""
        times = values["time_ns"]
        earliest, latest = int(times.min()), int(times.max())
        if self._thinned is not None:
            rows = slice(-len(self) % self._stride, None, self._stride)
            self._thinned.extend({name: values[name][rows] for name in THINNED})
            if len(self._thinned) > MOST_THINNED:
                self._thin_out(self._thinned)
        before = self.span_ns or ((earliest, latest) if not len(self) else None)
        self.columns.extend(values)
        self.span_ns = (min(earliest, before[0]), max(latest, before[1])) if before else None

    def _thin_out(self, before: Columns) -> None:
        self._thinned, self._stride = Columns(THINNED, MOST_THINNED), 2 * self._stride
        self._thinned.extend({name: column[::2] for name, column in before.items()})

    def thinned(self) -> Thinned | None:
        """A part of the rows that is small enough to be looked at often; None where all of them are in memory."""
        return None if self._thinned is None else Thinned(**dict(self._thinned.items()), stride=self._stride)

    def snapshot(self) -> Packets:
        """Everything appended so far: a few slices, whatever the size. Called by the writing thread."""
        columns = {field.name: self.columns[field.name] for field in fields(Packets)}
        for column in columns.values():
            column.flags.writeable = False
        return Packets(**columns)
