"""Sums over the packets of each connection: packets, bytes, payload, flags, Wireshark's completeness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import among, indices
from analysis.segments import ACK, FIN, RST, SYN, SYN_ACK, too_short
from capture.protocol import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import ConnectionTable
    from analysis.counts import Counts
    from analysis.order import Order
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

WITH_DATA: Final = np.uint16(32)
"""In `_BITS`, above the five lowest TCP flags: the segment has payload."""


def _bits(index: int) -> int:
    fin, syn, rst, ack = (index & flag for flag in (FIN, SYN, RST, ACK))
    bits = HAS_RST * bool(rst) | HAS_FIN * bool(fin and ack) | HAS_SYN_ACK * bool(syn and ack)
    if ack and not syn:
        bits |= HAS_DATA if index & WITH_DATA else HAS_ACK
    return int(bits)


_BITS: Final = np.array([_bits(index) for index in range(64)], np.uint8)


def add_totals(batch: Batch, headers: Headers, order: Order, ends: NDArray[np.int64], table: ConnectionTable) -> None:
    """Add a batch to the totals that every connection has, of TCP or not; a packet that was seen again is none.

    `ends` (E,) are those of the order in the connection table.
    """
    begin = order.begin[:-1]
    payload = headers.payload_length.take(order.row).astype(np.int64)
    size = batch.original_length.take(order.row).astype(np.int64)
    count = np.diff(order.begin)
    again = indices(headers.flags.take(order.row) & np.uint16(Flag.SEEN_AGAIN))
    if len(again):
        payload[again] = 0
        size[again] = 0
        count -= np.bincount(begin.searchsorted(again, "right") - 1, minlength=len(count))
    totals = {
        "bytes": np.add.reduceat(size, begin),
        "payload_bytes": np.add.reduceat(payload, begin),
        "data_packets": np.add.reduceat((payload > 0).astype(np.int64), begin),
    }
    packets = table.columns["packets"].reshape(-1)
    for part in (slice(order.judged_ends), slice(order.judged_ends, None)):  # an end may be in both
        packets[ends[part]] += count[part].astype(np.uint32)
        for name, total in totals.items():
            table.counts.add(name, ends[part], total[part])


def count_flags(s: Segments, counts: Counts) -> None:
    """Add up SYN, SYN with ACK, FIN and RST of each end."""
    answers = s.flags[s.opening] & ACK != 0
    for name, at in (
        ("syn", s.opening[indices(~answers)]),
        ("syn_ack", s.opening[indices(answers)]),
        ("fin", s.having(FIN)),
        ("rst", s.having(RST)),
    ):
        if len(at):
            many = np.bincount(s.side[at], minlength=len(s.ends))
            ends = indices(many)
            counts.add(name, s.ends[ends], many[ends])


def add_completeness(s: Segments, reopened: NDArray[np.int64], columns: Columns) -> None:
    """Update Wireshark's tcp.completeness: bits that are never tied to a direction, a number or an order.

    SYN counts only if it opened the stream, its payload only between endpoints that had none before: not for the SYNs
    of the rows `reopened`. FIN counts only with ACK; an ACK without SYN counts as data if it has payload. What else the
    first segment says (all of it, if it is no SYN) is added with the second one.
    """
    bits = _BITS.take((s.flags & np.uint16(31)) | (s.length > 0) * WITH_DATA)
    begin = s.begin[:-1:2]
    first = s.turn[begin]
    opened = indices(s.packet(first) == columns["first_packet"][s.connection])
    opening = first[opened]
    by_syn = s.flags[opening] & SYN_ACK == SYN
    again = among(s.row[opening], reopened)
    syn_bits = HAS_SYN | np.where(again, bits[opening], (s.length[opening] > 0) * HAS_DATA)
    columns["opening_bits"][s.connection[opened]] = bits[opening]
    bits[opening] = by_syn * syn_bits
    completeness = columns["completeness"][s.connection] | np.bitwise_or.reduceat(bits, begin)
    several = columns["packets"].reshape(-1)[s.ends].reshape(-1, 2).sum(axis=1) > 1
    completeness |= several * columns["opening_bits"][s.connection]
    columns["completeness"][s.connection] = completeness


def add_unjudged_completeness(
    row: NDArray[np.int64], headers: Headers, assigned: Assignment, first_row: int, columns: Columns
) -> None:
    """The same of segments that may not be judged, the `row`s of a batch, after `add_completeness`; hardly any are.

    A header said to be longer than its segment counts by its flags, without payload. One said to be shorter than a
    header is counts for nothing, but its SYN does if it opened another stream between known endpoints: Wireshark looks
    for that first.
    """
    row = row[indices(headers.flags[row] & np.uint16(Flag.SEEN_AGAIN) == 0)]
    connection, flags = assigned.connection[row], headers.flags[row]
    long = ~too_short(headers, row)
    again = among(row, assigned.reopened)
    bits = _BITS.take(flags & np.uint16(31)) * long
    first = indices(first_row + row == columns["first_packet"][connection])
    columns["opening_bits"][connection[first]] = bits[first]
    opened = (flags & SYN_ACK == SYN) & (long | again)
    bits[first] = (opened * (HAS_SYN | again * bits))[first]
    np.bitwise_or.at(columns["completeness"], connection, bits)
    several = columns["packets"][connection].sum(axis=1) > 1
    np.bitwise_or.at(columns["completeness"], connection, columns["opening_bits"][connection] * several)
