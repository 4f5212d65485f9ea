"""ICMP errors about a connection: found by the headers that they quote (RFC 792, RFC 4443)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.endpoint_pairs import connection_hashes, pair_hashes
from analysis.finding import Code, Finding
from capture.decode import decode_alone
from capture.lookup import batch_of
from capture.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.case import Overview
    from analysis.session import Session

LOOKED_AT: Final = 65_536
"""So many ICMP packets of a capture are read again."""
TOGETHER: Final = 8192
ERRORS: Final = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}
FATAL: Final = {4: (3, 11, 12), 6: (1, 3, 4)}
FRAGMENTATION_NEEDED: Final = (3, 4)
"""Type and code by which a path's MTU is found (RFC 1191): the sender goes on with smaller packets."""


def errors(session: Session, overview: Overview) -> dict[int, Finding]:
    """The first ICMP error about each connection that has one, by row of the connection table."""
    protocol = overview.snapshot.packets.protocol
    packets = np.flatnonzero((protocol == Protocol.ICMP4) | (protocol == Protocol.ICMP6))[:LOOKED_AT]
    told = [each for first in range(0, len(packets), TOGETHER) for each in _quotes(session, packets[first:][:TOGETHER])]
    if not told:
        return {}
    c = overview.connections
    hashes = connection_hashes(c, np.arange(len(c)))
    order = np.argsort(hashes, kind="stable")
    found: dict[int, Finding] = {}
    for packet, quoted, family, kind, code in told:
        low, high = (int(np.searchsorted(hashes, quoted, side, sorter=order)) for side in ("left", "right"))
        known = [row for row in order[low:high].tolist() if c.first_packet[row] < packet]
        if not known or known[-1] in found:
            continue
        fatal = kind in FATAL[family] and not (family == 4 and (kind, code) == FRAGMENTATION_NEEDED)
        evidence = {"family": family, "type": kind, "code": code}
        found[known[-1]] = Finding(Code.ICMP_ERROR, packet, evidence, fatal)
    return found


def _quotes(session: Session, rows: NDArray[np.int64]) -> Iterator[tuple[int, np.uint64, int, int, int]]:
    """Packet, hash of the quoted pair, family, type and code of each error among these packets."""
    snapshot = session.snapshot
    batch = batch_of(session.source, snapshot.packets, snapshot.interfaces, rows)
    headers = decode_alone(batch)
    mentions = headers.mentions
    at = np.flatnonzero(~mentions.before)
    own, first = np.unique(mentions.row[at], return_index=True)
    ends = mentions.endpoints
    pick = at[first]
    hashes = pair_hashes(
        ends.family[pick],
        ends.transport[pick],
        (ends.source_high[pick], ends.source_low[pick], ends.source_port[pick]),
        (ends.destination_high[pick], ends.destination_low[pick], ends.destination_port[pick]),
    )
    for row, quoted in zip(own.tolist(), hashes, strict=True):
        family = 6 if headers.protocol[row] == Protocol.ICMP6 else 4
        place = int(batch.start[row]) + int(headers.transport[row])
        kind, code = int(batch.buffer[place]), int(batch.buffer[place + 1])
        if headers.transport[row] >= 0 and kind in ERRORS[family]:
            yield int(rows[row]), quoted, family, kind, code
