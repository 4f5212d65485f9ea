"""The loop that all containers share: windows of bytes, the whole records in each, batches of at most `MAX_BATCH`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from capture.batch import MAX_BATCH, PADDING, Batch
from capture.lockstep import scan
from capture.store import DamagedStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.lockstep import Guess, Hops, Scan
    from capture.tales import Tales
    from capture.window import Window


class RecordReader(Protocol):
    """What a container of fixed records (pcap, snoop) must say."""

    hops: Hops
    packets: int

    @property
    def guess(self) -> Guess | None:
        """What makes the walk faster, for `scan`."""

    def batch(self, window: Window, at: NDArray[np.int64]) -> Batch:
        """The packets whose records begin at `at` (N,) in the window, N at most `MAX_BATCH`."""

    def broken(self, window: Window, at: int) -> str:
        """What is wrong with the length of the record at `at`, as the end of a sentence."""


def read_records(reader: RecordReader, window: Window, start: int, tales: Tales) -> Iterator[Batch]:
    """Every packet from `start` in the window to the end of the store, or to the first damage."""
    at = start
    while True:
        found = scan(window.buffer, at, window.filled, reader.hops, reader.guess)
        for first in range(0, len(found.positions), MAX_BATCH):
            batch = reader.batch(window, found.positions[first : first + MAX_BATCH])
            yield batch
            reader.packets += len(batch)
        if found.broken:
            place = window.origin + found.stop
            message = f"Packet {reader.packets + 1:,}, at byte {place:,}, {reader.broken(window, found.stop)}; "
            tales.problem(message + kept(reader.packets), reader.packets + 1, place)
            return
        if not more(window, found, f"packet {reader.packets + 1:,}", reader.packets, tales):
            return
        at = 0


def more(window: Window, found: Scan, record: str, packets: int, tales: Tales) -> bool:
    """Read on behind a scan; at the end of the store, tell if it comes in the middle of `record`."""
    place = window.origin + found.stop
    try:
        if window.refill(found.stop, found.needed):
            return True
    except DamagedStoreError as error:
        place = window.origin + window.filled
        message = f"The capture cannot be read on at its byte {place:,}: {error}; {kept(packets)}"
        tales.problem(message, packets + 1, place)
        return False
    if window.filled:
        there = f"{window.filled:,} of {found.needed:,} bytes are there"
        message = f"The capture ends inside {record}, which begins at byte {place:,}: {there}; "
        tales.problem(message + kept(packets), packets + 1, place)
    return False


def kept(packets: int) -> str:
    """The end of a sentence on damage: what is shown nevertheless."""
    if packets == 0:
        return "no packet comes before it."
    return "the packet before it is shown." if packets == 1 else f"the {packets:,} packets before it are shown."


def make_batch(
    window: Window,
    start: NDArray[np.int64],
    lengths: tuple[NDArray[np.integer], NDArray[np.integer]],
    time_ns: NDArray[np.int64],
    interface: tuple[NDArray[np.uint16], NDArray[np.uint16]],
) -> Batch:
    """A `Batch` on the window's buffer; `lengths` captured and original, `interface` its row and its link type."""
    return Batch(
        buffer=window.buffer[: window.filled + PADDING],
        start=start,
        offset=start + window.origin,
        captured_length=lengths[0].astype(np.uint32),
        original_length=lengths[1].astype(np.uint32),
        time_ns=time_ns,
        interface=interface[0],
        link_type=interface[1],
    )
