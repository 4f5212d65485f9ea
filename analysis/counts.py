"""Counts of both ends in columns that are too narrow for every case, and exact in every case.

Hardly any end sends 256 resets or 4 GiB. What does not fit its column is carried, as in adding by hand: the column
keeps the rest, and a dictionary, by place in the flat column, how often the column's range was full. A reader that
looks at the very moment may see the one without the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.places import indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.columns import Columns

COUNTS: Final[dict[str, Any]] = {
    "bytes": np.uint32,
    "payload_bytes": np.uint32,
    "unique_bytes": np.uint32,
    "data_packets": np.uint16,
    "syn": np.uint8,
    "syn_ack": np.uint8,
    "fin": np.uint8,
    "rst": np.uint8,
    "repeats": np.uint8,
    "gaps": np.uint8,
    "zero_windows": np.uint8,
    "top_ahead": np.uint16,
}
"""The columns, each of two values a row."""
_FEW: Final = 64
"""So many are looked for quicker one by one than by numpy."""


class Counts:
    """The narrow columns of a connection table. Ends are places in the columns taken flat: 2 * row, 1 more for b."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.carried: dict[str, dict[int, int]] = {name: {} for name in COUNTS}

    def add(self, name: str, ends: NDArray[np.int64], amounts: NDArray[np.int64]) -> None:
        """Add to the counts of these ends, each of which stands there once."""
        column, bits = self._column(name)
        total = column[ends] + amounts
        column[ends] = total
        over = total >> bits
        carried = self.carried[name]
        for at in indices(over).tolist():
            end = int(ends[at])
            carried[end] = carried.get(end, 0) + int(over[at])

    def put(self, name: str, ends: NDArray[np.int64], values: NDArray[np.int64]) -> None:
        """Set the counts of these ends, each of which stands there once."""
        column, bits = self._column(name)
        column[ends] = values
        carried = self.carried[name]
        for at in self._carrying(name, ends).tolist():
            del carried[int(ends[at])]
        for at in indices(values >> bits).tolist():
            carried[int(ends[at])] = int(values[at]) >> bits

    def of(self, name: str, ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """The counts of these ends."""
        column, bits = self._column(name)
        total = column[ends].astype(np.int64)
        for at in self._carrying(name, ends).tolist():
            total[at] += self.carried[name][int(ends[at])] << bits
        return total

    def view(self, name: str) -> NDArray[Any]:
        """The whole column, (M, 2), for a reader: as it is, or, where something is carried, `Widened`."""
        carried: Any = self.carried[name]
        column: Any = self._columns[name]
        read: Any = Widened(column, tuple(carried.items())) if carried else column
        whole: NDArray[Any] = read
        return whole

    def _column(self, name: str) -> tuple[NDArray[Any], int]:
        column = self._columns[name].reshape(-1)
        return column, 8 * column.itemsize

    def _carrying(self, name: str, ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of these ends have something carried."""
        carried = self.carried[name]
        if not carried:
            return np.zeros(0, np.int64)
        if len(ends) < _FEW:
            return np.array([at for at, end in enumerate(ends.tolist()) if end in carried], np.int64)
        return indices(np.isin(ends, np.fromiter(carried, np.int64, len(carried))))


class Widened:
    """A narrow column with what was carried, read like an array: uint64 (M, 2), made when it is first asked for."""

    def __init__(self, column: NDArray[Any], carried: tuple[tuple[int, int], ...]) -> None:
        self._column = column
        self._carried = carried
        self._whole: NDArray[np.uint64] | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if self._whole is None:
            whole = self._column.astype(np.uint64)
            for end, times in self._carried:
                if end < whole.size:
                    whole.reshape(-1)[end] += np.uint64(times << 8 * self._column.itemsize)
            self._whole = whole
        return self._whole.astype(dtype or np.uint64, copy=bool(copy))

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __len__(self) -> int:
        return len(self._column)
