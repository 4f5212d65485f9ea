"""Sums over the packets of each connection: packets, bytes, payload, flags, Wireshark's completeness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.segments import ACK, FIN, RST, SYN, SYN_ACK, dense

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from analysis.streams import Assignment
    from capture.batch import Batch
    from capture.columns import Columns
    from capture.headers import Headers

HAS_SYN: Final = 1
HAS_SYN_ACK: Final = 2
HAS_ACK: Final = 4
HAS_DATA: Final = 8
HAS_FIN: Final = 16
HAS_RST: Final = 32


def count_packets(batch: Batch, headers: Headers, assigned: Assignment, columns: Columns, first_row: int) -> None:
    """Add the batch to the totals that every connection has, of TCP or not."""
    local, connection = dense(assigned.connection)
    end = local * 2 + assigned.from_b
    size = 2 * len(connection)
    payload = headers.payload_length

    def add(name: str, weights: NDArray[np.uint32] | NDArray[np.bool_] | None) -> None:
        # Sums within a batch stay far below 2^53, where floats stop being exact.
        total = np.bincount(end, weights, size).reshape(-1, 2)
        columns[name][connection] += total.astype(columns[name].dtype)

    add("packets", None)
    add("bytes", batch.original_length)
    add("payload_bytes", payload)
    add("data_packets", payload > 0)
    columns["last_packet"][assigned.connection] = first_row + np.arange(len(batch), dtype=np.int32)


def count_flags(s: Segments, columns: Columns) -> None:
    """Add up SYN, SYN with ACK, FIN and RST of each end."""
    kind = s.flags & SYN_ACK
    end = s.group * 2 + s.direction
    size = 2 * len(s.connection)
    for name, carries in (("syn", kind == SYN), ("syn_ack", kind == SYN_ACK), ("fin", s.has(FIN)), ("rst", s.has(RST))):
        which = carries & s.analysed
        if which.any():
            total = np.bincount(end[which], minlength=size).reshape(-1, 2)
            columns[name][s.connection] += total.astype(np.uint32)


def add_completeness(s: Segments, columns: Columns) -> None:
    """Update Wireshark's tcp.completeness: bits that are never tied to a direction, a number or an order.

    SYN counts only if it opened the stream; FIN only with ACK; an ACK without SYN counts as data if it has payload.
    A stream that was opened by anything else than a SYN gets the bits of its first segment with its second one.
    """
    kind = s.flags & SYN_ACK
    data = s.length > 0
    bits = np.where(kind == SYN_ACK, HAS_SYN_ACK, 0)
    bits |= np.where(kind == ACK, np.where(data, HAS_DATA, HAS_ACK), 0)
    bits |= np.where(s.has(FIN) & s.has(ACK), HAS_FIN, 0)
    bits |= np.where(s.has(RST), HAS_RST, 0)
    bits = np.where(s.analysed, bits, 0)
    opens = s.packet == columns["first_packet"][s.connection][s.group]
    opening = np.flatnonzero(opens)
    by_syn = s.analysed[opening] & (kind[opening] == SYN)
    syn_bits = HAS_SYN | np.where(data[opening], HAS_DATA, 0)
    columns["opening_bits"][s.connection[s.group[opening]]] = np.where(by_syn, 0, bits[opening])
    bits[opening] = np.where(by_syn, syn_bits, 0)
    completeness = columns["completeness"][s.connection] | np.bitwise_or.reduceat(bits, s.begin).astype(np.uint8)
    several = columns["packets"][s.connection].sum(axis=1) > 1
    completeness |= np.where(several, columns["opening_bits"][s.connection], 0).astype(np.uint8)
    columns["completeness"][s.connection] = completeness
