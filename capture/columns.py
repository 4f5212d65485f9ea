"""Append-only numpy columns that grow by doubling; readers take slices that stay valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike, NDArray
MOST_TIMES: Final = 1 << 14
"""How many times the rows that there have been what is expected may make room for."""


class Columns:
    """Named columns of one length. One thread writes; any thread may hold slices that `view` returned.

    Growing copies into new arrays, so an older slice keeps its old (complete) memory. `schema` gives each
    column's dtype, or (dtype, width) for a column of short rows.
    """

    def __init__(self, schema: Mapping[str, DTypeLike | tuple[DTypeLike, int]], capacity: int = 1024) -> None:
        self._schema = dict(schema)
        self._capacity = max(1, capacity)
        self.expected = 0
        """How many rows there will probably be: room for them is made at once, which saves copying."""
        self._arrays = {name: self._allocate(name) for name in self._schema}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The filled part of one column; writing to it writes to the table."""
        return self._arrays[name][: self._length]

    def items(self) -> list[tuple[str, NDArray[Any]]]:
        """The filled part of each column, by name."""
        return [(name, self[name]) for name in self._schema]

    def names(self) -> list[str]:
        """The columns' names."""
        return list(self._schema)

    def grow(self, count: int) -> slice:
        """Add `count` zeroed rows at the end, visible at once, and say where they are."""
        self._reserve(self._length + count)
        rows = slice(self._length, self._length + count)
        for array in self._arrays.values():
            array[rows] = 0
        self._length += count
        return rows

    def extend(self, values: Mapping[str, NDArray[Any]], otherwise: Mapping[str, int] | None = None) -> slice:
        """Append a batch, and say where it is. Readers see all of it or none of it.

        `values` gives every column, or `otherwise` the one value that all new rows have in the others.
        """
        count = len(next(iter(values.values())))
        self._reserve(self._length + count)
        rows = slice(self._length, self._length + count)
        for name, array in self._arrays.items():
            array[rows] = values[name] if otherwise is None or name in values else otherwise[name]
        self._length += count  # last, so that no reader sees half a batch
        return rows

    def adopt(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Take whole columns as they are in place of an empty table. The caller gives them away.

        They have the table's dtypes and shapes, (n,) or (n, width). Raises ValueError if the table has rows.
        """
        if self._length:
            raise ValueError("only an empty table can take whole columns")
        count = len(next(iter(values.values())))
        if count:
            self._arrays = {name: values[name] for name in self._schema}
            self._capacity = self._length = count

    def _reserve(self, needed: int) -> None:
        if needed <= self._capacity:
            return
        # What is expected may be wrong: it never makes room for far more than there has been. Room that is not used
        # yet costs no memory, but copying does.
        self._capacity = max(self._capacity, min(self.expected, MOST_TIMES * self._capacity))
        while self._capacity < needed:
            self._capacity *= 2
        for name, old in self._arrays.items():
            new = self._allocate(name)
            new[: self._length] = old[: self._length]
            self._arrays[name] = new

    def _allocate(self, name: str) -> NDArray[Any]:
        kind = self._schema[name]
        if isinstance(kind, tuple):
            return np.empty((self._capacity, kind[1]), kind[0])
        return np.empty(self._capacity, kind)
