"""Which connections are between the same two endpoints: of a whole table at once, by hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.connections import Connections

End = tuple["NDArray[np.uint64]", "NDArray[np.uint64]", "NDArray[np.uint16]"]
"""Addresses in two words, and ports, as in capture.headers.Endpoints."""
TWO_MSL_NS: Final = 240 * 10**9
"""2 MSL, as long as RFC 9293 section 3.4.2 lets TIME-WAIT last, with its MSL of two minutes."""


def pair_hashes(family: NDArray[np.uint8], transport: NDArray[np.uint16], one: End, other: End) -> NDArray[np.uint64]:
    """A number for each unordered pair of endpoints, uint64 (K,); different pairs may share one."""
    kind = family.astype(np.uint64) << np.uint64(16) | transport.astype(np.uint64)
    return (_mixed(*one) + _mixed(*other)) ^ kind * np.uint64(0x27D4EB2F165667C5)


def connection_hashes(c: Connections, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The same of connections."""
    one, other = ((c.address_high[rows, end], c.address_low[rows, end], c.port[rows, end]) for end in (0, 1))
    return pair_hashes(c.family[rows], c.transport[rows], one, other)


def _mixed(high: NDArray[np.uint64], low: NDArray[np.uint64], port: NDArray[np.uint16]) -> NDArray[np.uint64]:
    value = high * np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ value >> np.uint64(31) ^ low) * np.uint64(0xC2B2AE3D27D4EB4F)
    value = (value ^ value >> np.uint64(29) ^ port.astype(np.uint64)) * np.uint64(0x165667B19E3779F9)
    mixed: NDArray[np.uint64] = value ^ value >> np.uint64(32)
    return mixed


def same_pair(c: Connections, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether connections of these rows are between the same endpoints, bool (K,)."""
    columns = (c.address_high, c.address_low, c.port)
    straight = np.all([(column[one] == column[other]).all(axis=1) for column in columns], axis=0)
    turned = np.all([(column[one] == column[other][:, ::-1]).all(axis=1) for column in columns], axis=0)
    same: NDArray[np.bool_] = straight | turned
    return same


def closed_shortly_before(
    c: Connections, times: NDArray[np.int64], tcp: NDArray[np.bool_], closed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """For each TCP connection the one before it between its endpoints, if that was closed less than 2 MSL ago.

    int64 (M,), -1: none. One that was reset leaves nobody in TIME-WAIT (RFC 9293 section 3.6).
    """
    previous = np.full(len(c), -1, np.int64)
    rows = np.flatnonzero(tcp)
    if not len(rows):
        return previous
    hashes = connection_hashes(c, rows)
    order = np.argsort(hashes, kind="stable")
    same = hashes[order[1:]] == hashes[order[:-1]]
    later, earlier = rows[order[1:][same]], rows[order[:-1][same]]
    gap = times[c.first_packet[later]] - times[c.last_packet[earlier]]
    opened = (c.syn[later, 0] > 0) & closed[earlier] & (c.rst[earlier].sum(axis=1) == 0)
    early = opened & (gap < TWO_MSL_NS) & (gap >= 0) & same_pair(c, earlier, later)
    previous[later[early]] = earlier[early]
    return previous
