"""Columns of a capture that has no end: their older rows lie in files without names, and take no memory.

Each column is a temporary file of its own, mapped as shared memory, so that growing needs no copying: the file is made
longer and mapped again, and an older slice keeps the older mapping. What lies far behind the last row is dropped from
the resident set from time to time (madvise(2), MADV_DONTNEED); whoever reads it again gets it from the file. Its room
on the disk is taken before it is mapped: a full disk is an OSError, and never a signal.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.columns import Columns
from capture.temporary import folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike, NDArray

IN_MEMORY: Final = 1 << 18
"""So many rows are kept in memory as others are; most captures never have more."""
STEP: Final = 1 << 17
"""Rows that room is made for at once; after that the older ones are dropped from memory."""


class MappedColumns(Columns):
    """Columns whose memory does not grow with their rows. Raises OSError where there is no room for more rows."""

    def __init__(
        self, schema: Mapping[str, DTypeLike | tuple[DTypeLike, int]], capacity: int = 1024, *, many: int = 1
    ) -> None:
        """Rows that take much memory each begin to lie in files when there are fewer: `many` times."""
        super().__init__(schema, capacity)
        self._in_memory, self._step = IN_MEMORY // many, STEP // many
        self._files: dict[str, int] = {}
        self._maps: dict[str, mmap.mmap] = {}
        weakref.finalize(self, _close, self._files)

    def _reserve(self, needed: int) -> None:
        if needed <= self._capacity or needed <= self._in_memory:
            super()._reserve(needed)
            return
        capacity = max(needed, len(self) + self._step)
        arrays = {name: self._mapped(name, capacity) for name in self._schema}
        self._arrays, self._capacity = arrays, capacity

    def _mapped(self, name: str, capacity: int) -> NDArray[Any]:
        """A column with room for so many rows, those there are included."""
        kind = self._schema[name]
        dtype, width = kind if isinstance(kind, tuple) else (kind, 1)
        size = np.dtype(dtype).itemsize * width
        old = self._arrays[name][: len(self)]
        if name not in self._files:
            with tempfile.TemporaryFile(prefix="netviz-", dir=folder()) as file:
                self._files[name] = os.dup(file.fileno())
            _write(self._files[name], old.reshape(-1).view(np.uint8).data, 0)
        descriptor = self._files[name]
        length = capacity * size
        _write(descriptor, memoryview(bytes(length - len(old) * size)), len(old) * size)
        if name in self._maps:
            forget(self._maps[name], len(old) * size)
        self._maps[name] = mapping = mmap.mmap(descriptor, length)
        array = np.frombuffer(mapping, dtype)
        return array.reshape(capacity, width) if isinstance(kind, tuple) else array


def forget_rows(column: NDArray[Any], begin: int, end: int) -> None:
    """Drop rows of a column from memory that were fetched from its file; nothing where it lies in memory."""
    root: Any = column
    while isinstance(root.base, np.ndarray):
        root = root.base
    mapping = root.base.obj if isinstance(root.base, memoryview) else None
    if isinstance(mapping, mmap.mmap) and begin < end:
        start, size = column.ctypes.data - root.ctypes.data, column.strides[0]
        first = -(-(start + begin * size) // mmap.PAGESIZE) * mmap.PAGESIZE
        last = (start + end * size) // mmap.PAGESIZE * mmap.PAGESIZE
        if first < last:
            mapping.madvise(mmap.MADV_DONTNEED, first, last - first)


def forget(mapping: mmap.mmap, length: int) -> None:
    """Drop the first `length` bytes of a mapped file from memory; they are read again where they are asked for."""
    whole = length - length % mmap.PAGESIZE
    if whole:
        mapping.madvise(mmap.MADV_DONTNEED, 0, whole)


def _write(descriptor: int, view: memoryview, at: int) -> None:
    while view:
        count = os.pwrite(descriptor, view, at)
        view, at = view[count:], at + count


def _close(files: dict[str, int]) -> None:
    for descriptor in files.values():
        os.close(descriptor)
