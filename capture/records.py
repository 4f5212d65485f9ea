"""The loop that all containers share: windows of bytes, the whole records in each, batches of at most `MAX_BATCH`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

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


_ENOUGH: Final = 256
"""So many records tell how long others will be."""
_NEARLY_A_BATCH: Final = MAX_BATCH * 31 // 32
"""Fewer than a batch may have: one record more would make two of one."""


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
        for positions in portions(found.positions):
            batch = reader.batch(window, positions)
            yield batch
            reader.packets += len(batch)
        hold_a_batch(window, found, at)
        if found.broken:
            place = window.origin + found.stop
            message = f"Packet {reader.packets + 1:,}, at byte {place:,}, {reader.broken(window, found.stop)}; "
            tales.problem(message + kept(reader.packets), reader.packets + 1, place)
            return
        if not more(window, found, f"packet {reader.packets + 1:,}", reader.packets, tales):
            return
        at = 0


def portions(positions: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The same in parts of like size, of `MAX_BATCH` at most: a small part costs nearly as much as a large one."""
    return np.array_split(positions, -(-len(positions) // MAX_BATCH)) if len(positions) else []


def hold_a_batch(window: Window, found: Scan, start: int) -> None:
    """Let the window hold as many records as a batch, as long as those that were found from `start` on.

    The blocks of pcapng need more of numpy's calls for each step, and lose by shorter stretches (measured: a tenth).
    """
    if len(found.positions) >= _ENOUGH:
        window.hold((found.stop - start) * _NEARLY_A_BATCH // len(found.positions))


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
