"""Words of filters about numbers: of connections, as their round-trip time, and of packets, as their length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.filter_ends import carried_by
from analysis.filter_marks import tcp_packets
from analysis.filter_tests import OfConnections, OfPackets, Word
from analysis.filter_values import PLAIN, numbers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from analysis.filter_grammar import Term
    from analysis.snapshot import Snapshot


def of_connections(
    units: dict[str, int], values: Callable[[Snapshot], NDArray[Any]], least: int = 0
) -> Callable[[Term], Word]:
    """A number of each connection; below `least` there is none."""

    def make(test: Term) -> Word:
        wanted = numbers(test, units)

        def mask(snapshot: Snapshot) -> NDArray[np.bool_]:
            column = values(snapshot)
            return wanted(column) & (column >= least)

        return OfConnections(mask)

    return make


def of_packets(
    units: dict[str, int], values: Callable[[Snapshot, slice], NDArray[Any]], *, of_tcp: bool = False
) -> Callable[[Term], Word]:
    """A word about a number of each packet; `of_tcp`: of TCP packets only."""

    def make(test: Term) -> Word:
        wanted = numbers(test, units)
        if not of_tcp:
            return OfPackets(lambda snapshot, rows: wanted(values(snapshot, rows)))
        return OfPackets(lambda snapshot, rows: wanted(values(snapshot, rows)) & tcp_packets(snapshot, rows))

    return make


def stream(transport: int) -> Callable[[Term], Word]:
    """A word about Wireshark's stream number of TCP (6) or UDP (17)."""

    def values(snapshot: Snapshot) -> NDArray[Any]:
        return np.where(carried_by(snapshot, (transport,)), snapshot.connections.stream, np.int32(-1))

    return of_connections(PLAIN, values)


def durations(snapshot: Snapshot) -> NDArray[Any]:
    """From the first packet of each connection to its last, ns, int64 (M,); -1: it has none."""
    times, table = snapshot.packets.time_ns, snapshot.connections
    last = np.minimum(table.last_packet, len(times) - 1)
    spans = times[last] - times[np.minimum(table.first_packet, last)] if len(times) else np.zeros(len(table), np.int64)
    return np.where(table.first_packet >= 0, spans, np.int64(-1))


def initial_rtts(snapshot: Snapshot) -> NDArray[np.int64]:
    """Initial round-trip times, ns, int64 (M,)."""
    return snapshot.connections.initial_rtt_ns


def sum_of(column: str) -> Callable[[Snapshot], NDArray[Any]]:
    """Both ends' numbers of a column together."""

    def values(snapshot: Snapshot) -> NDArray[Any]:
        both = getattr(snapshot.connections, column)
        total: NDArray[np.int64] = both[:, 0].astype(np.int64) + both[:, 1].astype(np.int64)
        return total

    return values


def packet_numbers(snapshot: Snapshot, rows: slice) -> NDArray[Any]:
    """Numbers of the packets of a slice, counted from 1."""
    return np.arange(rows.start + 1, min(rows.stop, len(snapshot.packets)) + 1)


def since_start(snapshot: Snapshot, rows: slice) -> NDArray[Any]:
    """Times of the packets of a slice since the capture's first, ns."""
    times = snapshot.packets.time_ns
    return times[rows] - (times[0] if len(times) else 0)
