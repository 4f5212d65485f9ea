"""One connection that was captured on both sides of a machine that changes its addresses: NAT, LVS in its NAT way.

Whoever only rewrites addresses leaves the sequence numbers as they are. So both sides have the same initial numbers in
both directions, and the side that was asked first waits for the other: its SYN comes before, its SYN,ACK after. Where
the numbers are made up small ones, as in captures that were written by hand, nothing is concluded from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.causes_evidence import Fact, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.reading import Reading

LONGEST_NS: Final = 1_000_000_000
"""So much later at most, the SYN comes out at the other side: then it would be sent again (RFC 6298 section 2.1)."""
BY_CHANCE: Final = 1 << 16
"""An initial number below this is taken for one that nobody drew by chance (RFC 9293 section 3.4.1)."""
MOST: Final = 5000
"""Connections that are told of."""
KNOWN: Final = 2
"""Of `Connections.sequence_known`: from a SYN."""


def translated(reading: Reading, part: range | None = None) -> Iterator[tuple[int, int, tuple[Fact, ...]]]:
    """(the connection as it came, as it went on, what shows it), in the order of the table.

    `part`: only connections whose SYN is one of these rows.
    """
    c, times = reading.snapshot.connections, reading.snapshot.packets.time_ns
    known = (c.sequence_known == KNOWN).all(axis=1) & (c.syn_packet >= 0) & (c.syn_ack_packet >= 0)
    if part is not None:
        known &= (c.syn_packet >= part.start) & (c.syn_packet < part.stop)
    rows = np.flatnonzero(known & (c.initial_sequence >= BY_CHANCE).all(axis=1))
    if len(rows) < 2:
        return
    numbers = _of_client_and_server(c.initial_sequence[rows], c.client[rows])
    both = numbers[:, 0].astype(np.uint64) << np.uint64(32) | numbers[:, 1].astype(np.uint64)
    syn, answer = times[c.syn_packet[rows]], times[c.syn_ack_packet[rows]]
    order = np.lexsort((syn, both))
    outer, inner = order[:-1], order[1:]
    same = (both[outer] == both[inner]) & (syn[inner] - syn[outer] <= LONGEST_NS) & (answer[inner] <= answer[outer])
    pairs = sorted(zip(outer[same].tolist(), inner[same].tolist(), strict=True))[:MOST]
    opening = c.syn_packet[rows]
    identification = _identifications(reading, np.unique(opening[np.array(pairs, np.int64).reshape(-1)]))
    for one, other in pairs:
        packets = (int(opening[one]), int(opening[other]))
        value = f"{numbers[one, 0]} and {numbers[one, 1]}"
        facts = [Fact(Kind.SAME_NUMBERS, packets, value, int(syn[other] - syn[one]))]
        before, after = (identification.get(packet, 0) for packet in packets)
        if before and before == after:
            facts.append(Fact(Kind.SAME_IDENTIFICATION, packets, str(before)))
        yield int(rows[one]), int(rows[other]), tuple(facts)


def _identifications(reading: Reading, packets: NDArray[np.int64]) -> dict[int, int]:
    """The identification (RFC 791 section 3.1) of each of these packets (rows, ascending); 0 where there is none."""
    return {
        detail.packet: int.from_bytes(detail.data[detail.network + 4 : detail.network + 6])
        for detail in reading.details(packets.astype(np.int64))
        if detail.network >= 0 and detail.data[detail.network : detail.network + 1] < b"\x50"  # of IPv4
    }


def _of_client_and_server(column: NDArray[np.uint32], client: NDArray[np.uint8]) -> NDArray[np.uint32]:
    turned: NDArray[np.uint32] = np.where((client == 1)[:, None], column[:, ::-1], column)
    return turned
