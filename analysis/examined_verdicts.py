"""Judgements of examined packets side by side: checksums left to a network card, and copies of one datagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.checksums import Check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

HABIT: Final = 2
"""So many packets, all of them wrong, are no accident."""
COPY_NS: Final = 1_000_000
"""A copy on the same interface follows at once: it is the same packet passing the same host's hooks."""
COPY_ELSEWHERE_NS: Final = 20_000_000
"""On its way to another interface a packet is routed, bridged or queued; less than Linux's least timeout (200 ms)."""
SAME_IDENTIFICATION_NS: Final = 1_000_000_000
"""The same, where an identification tells copies from retransmissions, which have one of their own (RFC 6864)."""


def left_to_the_card(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which wrong checksums are no damage, bool (K,): only begun, or wrong in all packets of a direction, or of both.

    A card that computes the checksums of one direction gives the other's right: those came from outside.
    """
    connection = columns["connection"].astype(np.int64)
    left = np.zeros(len(connection), np.bool_)
    for group in (connection * 2 + columns["end"], connection):
        for name in ("header", "transport"):
            checks = columns[name]
            known = np.bincount(group, checks != Check.UNKNOWN)
            right = np.bincount(group, checks == Check.RIGHT)
            habit = (known >= HABIT) & (right == 0)
            left |= (checks == Check.UNFINISHED) | (habit[group] & (checks == Check.WRONG))
    return left


def damaged(columns: Mapping[str, NDArray[Any]], left: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which packets have a wrong checksum that should be right, bool (K,)."""
    wrong: NDArray[np.bool_] = (columns["transport"] == Check.WRONG) | (columns["header"] == Check.WRONG)
    return wrong & ~left


def copies(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which packets are a datagram that was captured shortly before, bool (K,)."""
    packet, end, connection = columns["packet"], columns["end"], columns["connection"]
    likeness, interface, time_ns = columns["likeness"], columns["interface"], columns["time_ns"]
    found = np.zeros(len(packet), np.bool_)
    order = np.argsort(likeness, kind="stable")
    one, other = order[:-1], order[1:]
    same = (likeness[one] == likeness[other]) & (likeness[other] != 0)
    one, other = one[same], other[same]
    same = (connection[one] == connection[other]) & (end[one] == end[other])
    elsewhere = np.where(columns["identification"][one] != 0, SAME_IDENTIFICATION_NS, COPY_ELSEWHERE_NS)
    limit = np.where(interface[one] == interface[other], COPY_NS, elsewhere)
    found[other[same & (np.abs(time_ns[other] - time_ns[one]) <= limit)]] = True
    return found
