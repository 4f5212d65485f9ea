"""Packets read again by their rows: the bytes of a few packets, gathered into one batch for the decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from capture.batch import PADDING, Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture.batch import Interface
    from capture.table import Packets

HEAD: Final = 512
"""Bytes of each packet that are read again: all headers, and enough of the payload to say what it is."""

SPAN: Final = 4 << 20
"""Packets that lie within this many bytes of one another are read with one call."""


GAP: Final = 4096
"""A hole between two packets that is cheaper to read than to jump over."""


class ByteSource(Protocol):
    """What holds the captured bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Bytes at `offset`; fewer than asked for where the file has become shorter, or some of them are gone."""


def batch_of(
    source: ByteSource, packets: Packets, interfaces: Sequence[Interface], rows: NDArray[np.int64], head: int = HEAD
) -> Batch:
    """The packets of these rows (int64, ascending) as a batch, each cut to `head` bytes; other lengths stay.

    A packet whose bytes are no longer in the file comes with the bytes that are left, perhaps none.
    """
    offset = packets.offset[rows]
    length = np.minimum(packets.captured_length[rows], head).astype(np.int64)
    pieces: list[bytes] = []
    for first, last in _runs(offset, offset + length):
        base = int(offset[first])
        stretch = source.read(base, int(offset[last] + length[last]) - base)
        for begin, size in zip(
            (offset[first : last + 1] - base).tolist(), length[first : last + 1].tolist(), strict=True
        ):
            piece = stretch[begin : begin + size]
            # A packet before this one may be gone, while this one is there.
            pieces.append(piece if len(piece) == size else source.read(base + begin, size))
    got = np.fromiter(map(len, pieces), np.int64, len(pieces))
    start = np.concatenate(([0], np.cumsum(got)[:-1])) if len(got) else np.zeros(0, np.int64)
    interface = packets.interface[rows]
    link_types = np.array([each.link_type for each in interfaces] or [0], np.uint16)
    return Batch(
        buffer=np.frombuffer(b"".join(pieces) + bytes(PADDING), np.uint8),
        start=start,
        offset=offset,
        captured_length=got.astype(np.uint32),
        original_length=packets.original_length[rows],
        time_ns=packets.time_ns[rows],
        interface=interface,
        link_type=link_types[interface],
    )


def _runs(begin: NDArray[np.int64], end: NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last indices of stretches that are dense enough to be read at once."""
    if not len(begin):
        return []
    runs: list[tuple[int, int]] = []
    first = 0
    for index in range(1, len(begin)):
        apart = begin[index] < begin[index - 1] or end[index] - begin[first] > SPAN
        if apart or begin[index] - end[index - 1] > GAP:
            runs.append((first, index - 1))
            first = index
    runs.append((first, len(begin) - 1))
    return runs
