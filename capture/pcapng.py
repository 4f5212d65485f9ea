"""The pcapng format: sections of blocks, with interfaces, names, comments and secrets beside the packets.

Format: draft-ietf-opsawg-pcapng ("the pcapng specification"). Damage ends the reading, as it does in Wireshark: a
block length that is impossible or not repeated at the block's end, a packet that overruns its block, an
interface that was not described, another version than 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture import pcapng_blocks as block
from capture.batch import MAX_BATCH
from capture.columns import Columns
from capture.lockstep import Hops, scan, word_columns, words
from capture.pcap import LARGEST_OF, largest_packet
from capture.pcapng_packets import PacketBlocks, guess, overruns, packet_blocks, packet_comments
from capture.records import kept, make_batch, more
from capture.tales import MOST_INTERFACES, Comment
from capture.ticks import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.batch import Batch
    from capture.pcapng_blocks import Clock
    from capture.tales import Tales
    from capture.window import Window

MAGIC: Final = b"\x0a\x0d\x0d\x0a"

LARGEST_BLOCK: Final = max(LARGEST_OF.values()) + (256 << 10)
"""The largest packet and room for its options; a block that claims more is damage."""

MOST_SECTIONS: Final = 1 << 16
"""Sections cost more than packets: a hostile file of nothing else must not keep netviz busy for hours."""

_SHORTEST: Final = 12  # type, total length, total length
_TELLING: Final = (block.NAME_RESOLUTION, block.INTERFACE_STATISTICS, block.DECRYPTION_SECRETS)
_STRETCH: Final = 64 << 10  # scanned after a section header; more and more while none comes


class PcapngReader:
    """Reads the packets of one pcapng file; the window stands at its beginning."""

    def __init__(self, window: Window, tales: Tales) -> None:
        self._window = window
        self._tales = tales
        tales.format = "pcapng"
        self.packets = 0
        self._damaged = False
        self._latest_ns = 0
        self._sections = 0
        self._base = 0  # row of the section's first interface
        self._interfaces = Columns({"link_type": np.int64, "largest": np.int64, "clock": np.int64})
        self._clocks: list[Clock] = []  # the different ones
        self._order_by("<")

    def _order_by(self, order: str) -> None:
        self._order = order
        self._hops = Hops(_SHORTEST, 4, order, 0, _SHORTEST, LARGEST_BLOCK, 4, None, block.SECTION_HEADER)

    def batches(self) -> Iterator[Batch]:
        """All packets, to the end or to the first damage, which is told to the tales."""
        window, at, stretch = self._window, 0, _STRETCH
        while self._enter(at):
            end = min(window.filled, at + stretch)
            found = scan(window.buffer, at, end, self._hops, self._guess)
            yield from self._blocks(found.positions)
            if self._damaged:
                return
            if found.broken:
                length = int(words(window.buffer, np.array([found.stop + 4]), self._order)[0])
                self._damage(found.stop, f"the block at byte {{}} claims an impossible length of {length:,} bytes")
                return
            at = found.stop
            section = len(found.positions) > 0 and at + 4 <= end and self._begins_section(at)
            stretch = _STRETCH if section else min(stretch * 4, LARGEST_BLOCK)
            if at + found.needed > window.filled:
                if not more(window, found, "a block", self.packets, self._tales):
                    return
                at = 0

    def _begins_section(self, at: int) -> bool:
        return self._window.buffer[at : at + 4].tobytes() == MAGIC

    def _enter(self, at: int) -> bool:
        """If a section begins here, take its byte order; False if it has none, or reading is cancelled."""
        window = self._window
        if self._tales.cancelled:
            return False
        if at + _SHORTEST > window.filled or not self._begins_section(at):
            return True
        order = block.byte_order(window.buffer[at + 8 : at + 12].tobytes())
        if order is None:
            self._damage(at, "the section header at byte {} has no valid byte-order magic")
            return False
        self._order_by(order)
        return True

    def _guess(self, buffer: NDArray[np.uint8], _start: int, lanes: NDArray[np.int64], end: int) -> NDArray[np.int64]:
        return guess(buffer, self._order, lanes, end)

    def _damage(self, at: int, what: str) -> None:
        """Note damage at a place in the window and end the reading; `what` has {} for the place."""
        self._damaged = True
        place = self._window.origin + at
        sentence = what.format(f"{place:,}")
        message = f"{sentence[0].upper()}{sentence[1:]}; {kept(self.packets)}"
        self._tales.problem(message, self.packets + 1, place)

    def _body(self, at: int) -> bytes:
        """A block without its type and lengths."""
        buffer = self._window.buffer
        total = int(words(buffer, np.array([at + 4]), self._order)[0])
        return buffer[at + 8 : at + ((total + 3) & ~3) - 4].tobytes()

    def _blocks(self, at: NDArray[np.int64]) -> Iterator[Batch]:
        """The packets among whole blocks of one section, of which only the first may be its header."""
        if not len(at) or (self._begins_section(int(at[0])) and not self._section(int(at[0]))):
            return
        buffer = self._window.buffer
        kind, length = word_columns(buffer, at, 2, self._order).T
        total = (length + 3) & ~3
        good, cause = self._unsound(kind, length, words(buffer, at + total - 4, self._order))
        rows = np.flatnonzero(_is_packet(kind[:good]))
        known = len(self._interfaces) - self._base + np.cumsum(kind == block.INTERFACE_DESCRIPTION)[rows]
        for place in at[:good][kind[:good] == block.INTERFACE_DESCRIPTION]:
            self._interface(self._body(int(place)))
        blocks = packet_blocks(buffer, (at[rows], kind[rows], total[rows]), self._order, self._first_snap_length())
        whole, why = self._unsound_packet(blocks, known)
        if whole < len(blocks):
            good, cause = int(rows[whole]), why
            blocks = blocks.between(0, whole)
        for row in np.flatnonzero(np.isin(kind[:good], _TELLING)):
            self._tell(int(kind[row]), self._body(int(at[row])))
        for packet, comment in packet_comments(buffer, blocks, self._order):
            self._tales.comment(Comment(block.text(comment), packet=self.packets + packet))
        for first in range(0, len(blocks), MAX_BATCH):
            batch = self._batch(blocks.between(first, first + MAX_BATCH))
            yield batch
            self.packets += len(batch)
        if good < len(at):
            self._damage(int(at[good]), cause)

    def _unsound(
        self, kind: NDArray[np.int64], length: NDArray[np.int64], repeated: NDArray[np.int64]
    ) -> tuple[int, str]:
        """How many blocks (of N) come before one that cannot be believed, and what is wrong with that."""
        describes = kind == block.INTERFACE_DESCRIPTION
        least = np.select([describes, kind == block.SIMPLE_PACKET, _is_packet(kind)], [20, 16, 32], _SHORTEST)
        many = describes & (len(self._interfaces) + np.cumsum(describes) > MOST_INTERFACES)
        return _first(
            (length != repeated, "the block at byte {} tells two different lengths, before and after its body"),
            (length < least, "the block at byte {} is shorter than its own fields"),
            (
                many,
                f"the block at byte {{}} describes one interface more than the {MOST_INTERFACES:,} that can be kept",
            ),
        )

    def _unsound_packet(self, blocks: PacketBlocks, known: NDArray[np.int64]) -> tuple[int, str]:
        """How many packets come before one that cannot be believed, given how many interfaces each knows."""
        whole, cause = _first(
            (blocks.interface >= known, "the packet at byte {} names an interface that was not described"),
            (overruns(blocks), "the packet at byte {} is longer than its block"),
        )
        described = blocks.between(0, whole)
        largest = self._interfaces["largest"][self._base + described.interface]
        short, too_long = _first((described.captured > largest, "the packet at byte {} is longer than packets can be"))
        return (short, too_long) if short < whole else (whole, cause)

    def _section(self, at: int) -> bool:
        """A section header: interfaces are counted anew. False if its version is foreign (section 4.1)."""
        body = self._body(at)
        if len(body) < 16:
            self._damage(at, "the section header at byte {} is shorter than its own fields")
            return False
        major, minor = block.version(body, self._order)
        if major != 1:
            self._damage(at, f"the section at byte {{}} is of pcapng version {major}.{minor}, which netviz cannot read")
            return False
        self._sections += 1
        if self._sections > MOST_SECTIONS:
            self._damage(at, f"the section at byte {{}} is one more than the {MOST_SECTIONS:,} that are read")
            return False
        self._base = len(self._interfaces)
        for comment in block.comments(body, 16, self._order):
            self._tales.comment(Comment(comment))
        return True

    def _interface(self, body: bytes) -> None:
        """Add an interface to the section's."""
        found = block.interface_description(body, self._order)
        row = len(self._interfaces)
        if found.clock not in self._clocks:
            self._clocks.append(found.clock)
        link_type, clock = found.interface.link_type, self._clocks.index(found.clock)
        new = {"link_type": link_type, "largest": largest_packet(link_type), "clock": clock}
        self._interfaces.extend({name: np.array([value]) for name, value in new.items()})
        self._tales.interface(found.interface)
        for comment in found.comments:
            self._tales.comment(Comment(comment, interface=row))

    def _tell(self, kind: int, body: bytes) -> None:
        """Keep what a block without packets tells."""
        if kind == block.NAME_RESOLUTION:
            for address, name in block.names(body, self._order):
                self._tales.name(address, name)
        elif kind == block.DECRYPTION_SECRETS and (secret := block.secrets(body, self._order)):
            self._tales.secret(*secret)
        elif kind == block.INTERFACE_STATISTICS:
            self._statistics(body)

    def _statistics(self, body: bytes) -> None:
        """How much an interface has dropped, and what is noted about it at the end."""
        found = block.statistics(body, self._order)
        row = self._base + found.interface if found else 0
        if found and row < len(self._interfaces):
            if found.dropped is not None:
                self._tales.dropped(row, found.dropped)
            for comment in found.comments:
                self._tales.comment(Comment(comment, interface=row))

    def _first_snap_length(self) -> int:
        interfaces = self._tales.interfaces
        return interfaces[self._base].snap_length if self._base < len(interfaces) else 0

    def _batch(self, blocks: PacketBlocks) -> Batch:
        row = self._base + blocks.interface
        time_ns = np.zeros(len(blocks), np.int64)
        clock = self._interfaces["clock"][row]
        for number, rule in enumerate(self._clocks):
            which = (clock == number) & blocks.timed
            if which.any():
                time_ns[which] = nanoseconds(blocks.ticks[which], rule.resolution, rule.offset)
        time_ns = self._with_time(time_ns, blocks.timed)
        interface = row.astype(np.uint16), self._interfaces["link_type"][row].astype(np.uint16)
        return make_batch(self._window, blocks.data, (blocks.captured, blocks.original), time_ns, interface)

    def _with_time(self, time_ns: NDArray[np.int64], timed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give a Simple Packet Block, which has no time, that of the packet before; 0 to the first ones."""
        if not timed.all():
            latest = np.maximum.accumulate(np.where(timed, np.arange(len(timed)), -1))
            time_ns = np.where(latest < 0, self._latest_ns, time_ns[latest])
        self._latest_ns = int(time_ns[-1])
        return time_ns


def _is_packet(kind: NDArray[np.int64]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (kind == block.ENHANCED_PACKET) | (kind == block.SIMPLE_PACKET) | (kind == block.PACKET)
    return found


def _first(*causes: tuple[NDArray[np.bool_], str]) -> tuple[int, str]:
    """The first row of which any cause is true, and the cause; the number of rows if there is none."""
    rows = [(int(np.argmax(wrong)) if wrong.any() else len(wrong), cause) for wrong, cause in causes]
    return min(rows, key=lambda row: row[0])
