"""What only the bytes of packets tell: hardware addresses, VLANs, TTLs, identifications, checksums.

The tables do not keep these. They are read again from the capture, for the first `SAMPLE` packets of each connection,
in capture order and many at once: there is no Python loop over packets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.checksums import check_header, check_transport
from analysis.examined_verdicts import copies, damaged, left_to_the_card
from capture.batch import PADDING, Batch
from capture.decode import decode_alone
from capture.lookup import batch_of
from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.session import Session
    from capture.headers import Headers

SAMPLE: Final = 200
"""So many packets of each connection are read again: enough to see a habit, little enough for a million packets."""
SPAN: Final = 4 << 20
"""Bytes that are read at once."""
GAP: Final = 64 << 10
"""A hole between two packets that is cheaper to read than to jump over."""
CONVERSING: Final = (Protocol.TCP4, Protocol.TCP6, Protocol.UDP4, Protocol.UDP6)
GROUP: Final = 1
"""The bit of a hardware address's first byte that says multicast or broadcast (IEEE 802)."""
UNTAGGED: Final = -1
NOTHING: Final = -1
Span = tuple["NDArray[np.int64]", int, int]
"""Rows of packets, and where in the source the bytes begin that hold them, and how many they are."""


@dataclass(frozen=True, slots=True)
class Examined:
    """K packets that were read again, in the order of their rows."""

    packet: NDArray[np.int64]  # row of the packet table
    connection: NDArray[np.int32]
    end: NDArray[np.uint8]  # 0: sent by a, 1: by b
    interface: NDArray[np.uint16]
    time_ns: NDArray[np.int64]
    source: NDArray[np.int64]  # hardware address; -1: not TCP or UDP between two hosts right behind Ethernet
    destination: NDArray[np.int64]
    vlan: NDArray[np.int32]  # the outer tag's number, -1: no tag, or not behind Ethernet
    ttl: NDArray[np.int16]  # or hop limit; -1: no network header
    identification: NDArray[np.int32]  # of IPv4; 0 where there is none
    sequence: NDArray[np.uint32]
    length: NDArray[np.uint32]  # of the payload
    header: NDArray[np.uint8]  # a `Check` of the IPv4 header
    transport: NDArray[np.uint8]  # a `Check` of TCP or UDP
    likeness: NDArray[np.uint64]  # the same for packets that are the same datagram
    left: NDArray[np.bool_]  # its wrong checksum was left to a network card
    damaged: NDArray[np.bool_]  # its wrong checksum was not
    copy: NDArray[np.bool_]  # a datagram that was captured shortly before

    def __len__(self) -> int:
        return len(self.packet)

    def take(self, index: NDArray[np.int64] | slice) -> Examined:
        """Some of them."""
        return Examined(*[getattr(self, name)[index] for name in NAMES])


NAMES: Final = tuple(field.name for field in fields(Examined))


def examine(session: Session, packets: NDArray[np.int64]) -> Examined:
    """Read these packets (rows, int64, ascending) again. Reads the file: not for the screen's thread."""
    spans = _spans(session, packets) if len(packets) else iter([(packets, 0, 0)])
    parts = [_examined(session, span[0], _read(session, span)) for span in spans]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    left = left_to_the_card(columns)
    return Examined(**columns, left=left, damaged=damaged(columns, left), copy=copies(columns))


def _spans(session: Session, packets: NDArray[np.int64]) -> Iterator[Span]:
    """Stretches of the capture that hold these packets (rows, int64, ascending)."""
    table = session.snapshot.packets
    begin = table.offset[packets]
    end = begin + table.captured_length[packets]
    jump = (begin[1:] > end[:-1] + GAP) | (begin[1:] < begin[:-1])
    for run in np.split(np.arange(len(packets)), np.flatnonzero(jump) + 1):
        at = int(run[0]) if len(run) else 0
        last = int(run[-1]) + 1 if len(run) else 0
        while at < last:
            stop = at + max(int(np.searchsorted(end[at:last], begin[at] + SPAN, side="right")), 1)
            rows = packets[at:stop]
            base = int(begin[at])
            yield rows, base, int(end[stop - 1]) - base
            at = stop


def _read(session: Session, span: Span) -> Batch:
    """The packets of a stretch; fewer bytes if the file shrank, or some of them are gone."""
    rows, base, size = span
    # What follows the stretch in the file serves as padding, which saves copying it.
    data = session.source.read(base, size + PADDING)
    if len(data) < size:
        return batch_of(session.source, session.snapshot.packets, session.snapshot.interfaces, rows, head=size)
    if len(data) < size + PADDING:
        data += bytes(PADDING)
    table, interfaces = session.snapshot.packets, session.snapshot.interfaces
    link_types = np.array([each.link_type for each in interfaces] or [0], np.uint16)
    return Batch(
        buffer=np.frombuffer(data, np.uint8),
        start=table.offset[rows] - base,
        offset=table.offset[rows],
        captured_length=table.captured_length[rows],
        original_length=table.original_length[rows],
        time_ns=table.time_ns[rows],
        interface=table.interface[rows],
        link_type=link_types[table.interface[rows]],
    )


def _examined(session: Session, rows: NDArray[np.int64], batch: Batch) -> dict[str, NDArray[Any]]:
    """The columns of `Examined` that each packet has by itself."""
    table = session.snapshot.packets
    headers = decode_alone(batch)
    kinds = {place: _behind_ethernet(path) for place, path in enumerate(headers.paths)}
    plain = np.array([kinds[place] for place in range(len(kinds))] or [False], np.bool_)[headers.path]
    # What goes to a group is answered from, and to, other addresses.
    plain &= np.isin(headers.protocol, CONVERSING) & (batch.buffer[batch.start] & GROUP == 0)
    there = headers.network >= 0
    network = batch.start + np.maximum(headers.network, 0)
    buffer = batch.buffer
    v4 = there & (buffer[network] >> 4 == 4)
    tagged = plain & np.isin(_number(buffer, batch.start + 12, 2), (0x8100, 0x88A8))
    identification = np.where(v4, _number(buffer, network + 4, 2), 0)
    return {
        "packet": rows,
        "connection": table.connection[rows],
        "end": ((table.flags[rows] & np.uint16(Flag.FROM_B)) != 0).astype(np.uint8),
        "interface": batch.interface,
        "time_ns": batch.time_ns,
        "source": np.where(plain, _number(buffer, batch.start + 6, 6), NOTHING),
        "destination": np.where(plain, _number(buffer, batch.start, 6), NOTHING),
        "vlan": np.where(tagged, _number(buffer, batch.start + 14, 2) & 0xFFF, UNTAGGED).astype(np.int32),
        "ttl": np.where(there, np.where(v4, buffer[network + 8], buffer[network + 7]), np.int16(NOTHING)),
        "identification": identification.astype(np.int32),
        "sequence": headers.sequence,
        "length": headers.payload_length,
        "header": check_header(batch, headers),
        "transport": check_transport(batch, headers),
        "likeness": _likeness(batch, headers, identification),
    }


def _behind_ethernet(path: tuple[str, ...]) -> bool:
    """Whether the network header is the frame's own: behind a tunnel the hardware addresses are other hosts'."""
    return path[:1] == ("ethernet",) and len([name for name in path if name not in {"ethernet", "vlan"}]) <= 2


def _likeness(batch: Batch, headers: Headers, identification: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A number that is the same for copies of one datagram, whatever link they are seen on; 0: not to be compared.

    It mixes the identification, the first 20 bytes of the transport header (the checksum among them, which covers the
    rest) and the length. A segment without identification that takes no sequence numbers may well be sent twice.
    """
    whole = (headers.transport >= 0) & (headers.transport.astype(np.int64) + 8 <= batch.captured_length)
    at = batch.start + np.maximum(headers.transport, 0)
    mixed = identification.astype(np.uint64) << np.uint64(32) | headers.payload_length.astype(np.uint64)
    for place in (0, 4, 8, 12, 16):
        beyond = at + place + 4 > batch.start + batch.captured_length
        mixed ^= np.where(beyond, 0, _number(batch.buffer, at + place, 4)).astype(np.uint64)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    takes_numbers = (headers.payload_length > 0) | ((headers.flags & np.uint16(Flag.SYN | Flag.FIN)) != 0)
    telling = (identification != 0) | takes_numbers
    return np.where(whole & telling, mixed | np.uint64(1), np.uint64(0))


def _number(buffer: NDArray[np.uint8], at: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Unsigned fields of `size` bytes in network byte order."""
    value = np.zeros(len(at), np.int64)
    for place in range(size):
        value = value << 8 | buffer[at + place]
    return value
