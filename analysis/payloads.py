"""What packets carry, read again from the capture for a search: a few thousand packets at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.decode import decode_alone
from capture.lookup import batch_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.snapshot import Snapshot
    from capture.lookup import ByteSource

AT_ONCE: Final = 4096
MOST: Final = 1 << 18
"""Bytes of one packet that are searched: more than any packet has, but for what only a damaged file says."""


def payloads(source: ByteSource, snapshot: Snapshot, rows: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
    """(row, captured payload) of those of these packets (int64, ascending) that carry something.

    Where no transport was recognised, that is all from the network header on, or the whole packet. Reads the capture.
    """
    packets = snapshot.packets
    for first in range(0, len(rows), AT_ONCE):
        some = rows[first : first + AT_ONCE]
        batch = batch_of(source, packets, snapshot.interfaces, some, MOST)
        headers = decode_alone(batch)
        data = batch.buffer.tobytes()
        begin = batch.start + np.maximum(np.where(headers.payload >= 0, headers.payload, headers.network), 0)
        captured = batch.start + batch.captured_length
        # What comes behind the payload, as the padding of a short Ethernet frame, is not carried for anyone.
        end = np.where(headers.payload >= 0, np.minimum(begin + packets.payload_length[some], captured), captured)
        for row, low, high in zip(some.tolist(), begin.tolist(), end.tolist(), strict=True):
            if high > low:
                yield row, data[low:high]
