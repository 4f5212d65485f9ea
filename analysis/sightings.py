"""The same packet at another capture point: one packet that was seen several times, not one that was sent again.

Only where that may be expected: at interfaces with the name of a machine in front of the device's, as captures of the
lab have them (`director:eth0`). Elsewhere connections follow Wireshark, which ignores interfaces.

A packet is known again by what a router leaves as it is: everything but the time to live, the traffic class and the
checksums. The n-th of several that look the same at one point is the n-th at every other one; so what was really sent
again stays. Points are told apart by interface and by the sender's hardware address, since a director with one
interface hands on what came in there. What leaves with other addresses, as behind NAT or a proxy, is another packet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.protocol import Flag, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture.batch import Batch, Interface
    from capture.headers import Headers

POINT: Final = re.compile(r"[^:]+:[A-Za-z][^:]*")
"""An interface's name that is that of a machine and of its device. `eth0:1`, an old alias, is not."""
LONGEST_NS: Final = 1_000_000_000
"""So much later at most, a packet is taken for the same: a SYN is not sent again before that (RFC 6298 section 2.1)."""
MOST: Final = 65_536
"""Different packets that are remembered at most."""
MOST_ALIKE: Final = 1024
"""Packets that look the same and are told apart by their order, at most; and points where one is seen."""
SEEN_AGAIN: Final = np.uint16(Flag.SEEN_AGAIN | Flag.NOT_ANALYSED)
TRANSPORT: Final = 60
"""Bytes of the transport header that are compared: the longest TCP header."""
_CHECKSUM: Final = {6: 16, 17: 6, 1: 2, 58: 2}
"""Where the checksum stands, by IP protocol: a sender may leave it to its network card."""


@dataclass(slots=True)
class _Known:
    """Packets that look the same: the row of each, and how many of them were seen at each point."""

    latest_ns: int
    rows: list[int] = field(default_factory=list)
    seen: dict[tuple[int, bytes], int] = field(default_factory=dict)


class Sightings:
    """Finds packets that were seen before at another point; fed with batches in capture order.

    `interfaces` are those of the source, which may add to them.
    """

    def __init__(self, interfaces: Sequence[Interface] = ()) -> None:
        self._passed = 0
        self._interfaces = interfaces
        self._known: dict[bytes, _Known] = {}
        self._points: dict[int, bool] = {}

    def find(self, batch: Batch, headers: Headers) -> NDArray[np.int64]:
        """Flag the packets of a batch that were seen before.

        Returns their rows in the packet table, ascending, and those where they were seen first, int64, (K, 2).
        """
        pairs = []
        first_row, self._passed = self._passed, self._passed + len(batch)
        for row in self._worth_looking(batch, headers).tolist():
            data = batch.buffer[batch.start[row] : batch.start[row] + batch.captured_length[row]].tobytes()
            key = identity(data, headers, row)
            if key is None:
                continue
            sender = data[6:12] if headers.paths[headers.path[row]][:1] == ("ethernet",) else b""
            same = self._seen(key, int(batch.time_ns[row]), (int(batch.interface[row]), sender), first_row + row)
            if same is not None:
                headers.flags[row] |= SEEN_AGAIN
                pairs.append((first_row + row, same))
        return np.array(pairs, np.int64).reshape(-1, 2)

    def _worth_looking(self, batch: Batch, headers: Headers) -> NDArray[np.int64]:
        present = np.flatnonzero(np.bincount(batch.interface))
        named = [number for number in present.tolist() if self._is_point(number)]
        if not named:
            return np.zeros(0, np.int64)
        return np.flatnonzero(np.isin(batch.interface, named) & (headers.network >= 0))

    def _is_point(self, number: int) -> bool:
        if number not in self._points:
            name = self._interfaces[number].name if number < len(self._interfaces) else None
            self._points[number] = name is not None and POINT.fullmatch(name) is not None
        return self._points[number]

    def _seen(self, key: bytes, time_ns: int, point: tuple[int, bytes], row: int) -> int | None:
        """The row of the same packet at another point; None if this is the first of it."""
        known = self._known.pop(key, None)
        late = known is not None and time_ns - known.latest_ns > LONGEST_NS
        if known is None or late or MOST_ALIKE in (len(known.rows), len(known.seen)):
            known = _Known(time_ns)
        self._known[key] = known  # the latest last
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        known.latest_ns = time_ns
        count = known.seen.get(point, 0)
        known.seen[point] = count + 1
        if count < len(known.rows):
            return known.rows[count]
        known.rows.append(row)
        return None


def identity(data: bytes, headers: Headers, row: int) -> bytes | None:
    """What stays the same of a packet on its way; None for one that is not IP or ARP, or was cut too short to tell."""
    network, transport = int(headers.network[row]), int(headers.transport[row])
    if headers.protocol[row] == Protocol.ARP:
        return data[network:]
    header = data[network : network + 40]
    if len(header) < 20:
        return None
    if header[0] >> 4 == 4:
        kind, fixed = header[9], header[2:8] + header[9:10] + header[12:20]
    elif header[0] >> 4 == 6 and len(header) == 40:
        kind, fixed = int(headers.endpoints.transport[row]), header[1:6] + header[8:40]
    else:
        return None
    rest = data[transport : transport + TRANSPORT] if transport >= 0 else data[network + 20 :][:TRANSPORT]
    checksum = _CHECKSUM.get(kind)
    if checksum is not None and transport >= 0:
        rest = rest[:checksum] + rest[checksum + 2 :]
    return fixed + rest
