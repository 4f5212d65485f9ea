"""Reading header fields of many packets at once: gathers of big-endian and little-endian numbers at any offsets.

A layout is a numpy dtype that spells a header as its specification draws it. One gather copies the header of every
row; its fields are then columns. Positions may point up to `capture.batch.PADDING` bytes before the buffer's end,
so a gather of up to that many bytes never leaves the buffer; whether the bytes belong to the packet is the
caller's question.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = NDArray[np.int64]
"""Row numbers or byte positions, ascending where they are rows."""

_U16: Final = np.dtype(">u2")
_U32: Final = np.dtype(">u4")
_U16_LITTLE: Final = np.dtype("<u2")
_U32_LITTLE: Final = np.dtype("<u4")
_U64: Final = np.dtype(">u8")


def records(buffer: NDArray[np.uint8], at: NDArray[np.int64], layout: np.dtype[Any]) -> NDArray[Any]:
    """One record of `layout` for each position: shape (len(at),), copied. `buffer` is contiguous uint8."""
    count = max(0, len(buffer) - layout.itemsize + 1)
    # numpy copies records field by field, sixteen times slower than the same bytes without structure.
    overlapping: NDArray[Any] = np.ndarray((count,), _plain(layout.itemsize), buffer=buffer, strides=(1,))
    return overlapping[at].view(layout)


@cache
def _plain(size: int) -> np.dtype[Any]:
    """So many bytes without structure."""
    return np.dtype((np.void, size))


def among(values: NDArray[Any], choices: Sequence[int]) -> NDArray[np.bool_]:
    """Which values are one of a few: as numpy.isin, whose calls cost more than its work where rows are few."""
    found: NDArray[np.bool_] = values == choices[0]
    for each in choices[1:]:
        found |= values == each
    return found


def chosen(header: NDArray[Any], which: NDArray[np.bool_]) -> NDArray[Any]:
    """Some rows of what `records` returned, copied."""
    plain = header.view(_plain(header.itemsize))
    return plain[np.flatnonzero(which)].view(header.dtype)


def windows(buffer: NDArray[np.uint8], at: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """The `width` bytes from each position: shape (len(at), width), uint8."""
    return records(buffer, at, np.dtype((np.void, width))).view(np.uint8).reshape(len(at), width)


def layout(itemsize: int, **fields: tuple[str, int]) -> np.dtype[Any]:
    """A header's dtype: `name=(format, offset)`, all other bytes of `itemsize` left out."""
    return np.dtype(
        {
            "names": list(fields),
            "formats": [form for form, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": itemsize,
        }
    )


def u8(buffer: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The byte at each position, int64 (so that lengths can be added without overflow)."""
    return buffer[at].astype(np.int64)


def u16(buffer: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The big-endian 16-bit number at each position, int64."""
    return records(buffer, at, _U16).astype(np.int64)


def u32(buffer: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The big-endian 32-bit number at each position, int64."""
    return records(buffer, at, _U32).astype(np.int64)


def u16_little(buffer: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The little-endian 16-bit number at each position, int64."""
    return records(buffer, at, _U16_LITTLE).astype(np.int64)


def u32_little(buffer: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The little-endian 32-bit number at each position, int64."""
    return records(buffer, at, _U32_LITTLE).astype(np.int64)


def u48(buffer: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The big-endian 48-bit number (a hardware address) at each position, uint64."""
    return records(buffer, at, _U64).astype(np.uint64) >> np.uint64(16)
