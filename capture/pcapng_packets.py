"""The packet blocks of pcapng in bulk: Enhanced, Simple and the obsolete one (pcapng specification, 4.3, 4.4, A)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.lockstep import REACH, word_columns, words
from capture.pcapng_blocks import COMMENT, ENHANCED_PACKET, PACKET, SIMPLE_PACKET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = NDArray[np.int64]

_MOST_OPTIONS: Final = 1000  # looked at in one block
_TRAILER: Final = 4  # the total length once more


@dataclass(frozen=True, slots=True)
class PacketBlocks:
    """Packet blocks, N rows: what they say, not yet judged."""

    at: Column  # where each block begins in the buffer
    total: Column  # its length, rounded up to 4 bytes
    data: Column  # where the packet's first byte stands
    captured: Column
    original: Column
    interface: Column  # within the section
    ticks: NDArray[np.uint64]
    timed: NDArray[np.bool_]  # false for Simple Packet Blocks

    def __len__(self) -> int:
        return len(self.at)

    def between(self, first: int, last: int) -> PacketBlocks:
        """The rows from `first` on, up to but without `last`."""
        return PacketBlocks(*(getattr(self, column.name)[first:last] for column in fields(self)))


def packet_blocks(
    buffer: NDArray[np.uint8], found: tuple[Column, Column, Column], order: str, snap_length: int
) -> PacketBlocks:
    """Read packet blocks of the three types, given where each begins, its type and its total length (N,) each.

    `snap_length` is that of the section's first interface, by which Simple Packet Blocks are cut (section 4.4).
    Blocks shorter than their own fields give lengths beyond their end.
    """
    at, kind, total = found
    simple = kind == SIMPLE_PACKET
    first, high, low, captured, original = word_columns(buffer, at + 8, 5, order).T
    interface = np.where(kind == PACKET, first & 0xFFFF if order == "<" else first >> 16, first)
    if simple.any():
        room = total - 12 - _TRAILER
        cut = np.minimum(np.minimum(first, snap_length or np.iinfo(np.int64).max), np.maximum(room, 0))
        captured = np.where(simple, np.where(room < 0, 1, cut), captured)
        original = np.where(simple, first, original)
        interface = np.where(simple, 0, interface)
    ticks = (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    return PacketBlocks(at, total, at + np.where(simple, 12, 28), captured, original, interface, ticks, ~simple)


def overruns(blocks: PacketBlocks) -> NDArray[np.bool_]:
    """Which packets (N,) do not fit into their blocks."""
    too_long: NDArray[np.bool_] = blocks.data + blocks.captured + _TRAILER > blocks.at + blocks.total
    return too_long


def packet_comments(buffer: NDArray[np.uint8], blocks: PacketBlocks, order: str) -> list[tuple[int, bytes]]:
    """Row and bytes of each comment among the options of the packets, by row; the blocks' packets must fit.

    All blocks' options are walked together, one numpy step an option.
    """
    end = blocks.at + blocks.total - _TRAILER
    at = blocks.data + ((blocks.captured + 3) & ~3)
    row = np.flatnonzero(blocks.timed & (at + 4 <= end))
    at, end = at[row], end[row]
    found: list[tuple[int, bytes]] = []
    for _ in range(_MOST_OPTIONS):
        if not len(row):
            break
        word = words(buffer, at, order)
        code, length = (word & 0xFFFF, word >> 16) if order == "<" else (word >> 16, word & 0xFFFF)
        whole = (code != 0) & (at + 4 + length <= end)
        for i in np.flatnonzero(whole & (code == COMMENT)):
            value = buffer[at[i] + 4 : at[i] + 4 + length[i]]
            found.append((int(row[i]), value.tobytes()))
        at = at + 4 + ((length + 3) & ~3)
        on = whole & (at + 4 <= end)
        row, at, end = row[on], at[on], end[on]
    return sorted(found, key=lambda comment: comment[0])


def guess(buffer: NDArray[np.uint8], order: str, lanes: Column, end: int) -> Column:
    """For each of L equally spaced positions, the first likely packet block at or behind it, or -1: (L,).

    Blocks are aligned to 4 bytes from the section's start, and tell their length twice.
    """
    step = int(lanes[1] - lanes[0])
    kinds: NDArray[np.uint32] = np.ndarray((len(lanes), REACH // 4), order + "u4", buffer, int(lanes[0]), (step, 4))
    likely = (kinds == ENHANCED_PACKET) | (kinds == PACKET) | (kinds == SIMPLE_PACKET)
    lane, column = np.divmod(np.flatnonzero(likely), REACH // 4)
    at = lanes[lane] + 4 * column
    total = words(buffer, at + 4, order)
    good = (total >= 16) & (total % 4 == 0) & (at + total <= end)
    lane, at, total = lane[good], at[good], total[good]
    good = words(buffer, at + total - _TRAILER, order) == total
    found = np.full(len(lanes), -1, np.int64)
    found[lane[good][::-1]] = at[good][::-1]  # the last write stays: the first of each lane
    return found
