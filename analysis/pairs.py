"""Endpoint pairs to numbers: which packets are between the same two endpoints.

A pair is unordered (a packet and its answer have the same pair) and keeps its number for the whole capture. Numbers
are given in order of first appearance (`analysis.key_table`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.key_table import KeyTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.headers import Endpoints

IPV4: Final = 4
WIDE: Final = np.uint64(1 << 63)
PORT_BITS: Final = np.uint64(16)
KIND_AT: Final = np.uint64(48)


class Pairs:
    """The pairs seen so far.

    A pair's key has two words: both ends' address and port (48 bits), the lower end first, and above them the
    transport and the family. Addresses that are no IPv4 addresses are numbered themselves, two by two; such a key is
    `WIDE` and has that number in place of the lower end's address, and none in place of the other's.
    """

    def __init__(self) -> None:
        self._pairs = KeyTable(2)
        self._addresses = KeyTable(4)

    def __len__(self) -> int:
        return len(self._pairs)

    def transports(self, pairs: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The transport of these pairs (as in capture.headers.Endpoints)."""
        return (self._pairs.word(0)[pairs] >> KIND_AT).astype(np.uint16)

    def keys(self, e: Endpoints) -> tuple[list[NDArray[np.uint64]], NDArray[np.bool_]]:
        """The key of each pair, and whether the source is its lower endpoint, bool (M,)."""
        source = e.source_low << PORT_BITS | e.source_port
        destination = e.destination_low << PORT_BITS | e.destination_port
        lower = source <= destination
        low, high = np.minimum(source, destination), np.maximum(source, destination)
        family = e.family.astype(np.uint64)
        wide = np.flatnonzero(e.family != IPV4)
        if len(wide):
            lower[wide], low[wide], high[wide] = self._wide_ends(e, wide)
            family[wide] |= WIDE >> KIND_AT
        low |= e.transport.astype(np.uint64) << KIND_AT
        high |= family << KIND_AT
        return [low, high], lower

    def number(self, keys: list[NDArray[np.uint64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of each key, int64 (M,), and where each new one stands first, ascending."""
        return self._pairs.number(keys)

    def _wide_ends(
        self, e: Endpoints, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.uint64], NDArray[np.uint64]]:
        """Whether the source is the lower end, and what stands for the lower and the higher one in the keys."""
        source = [e.source_high[rows], e.source_low[rows], e.source_port[rows].astype(np.uint64)]
        destination = [e.destination_high[rows], e.destination_low[rows], e.destination_port[rows].astype(np.uint64)]
        lower = source[2] <= destination[2]
        for one, other in ((source[1], destination[1]), (source[0], destination[0])):
            lower = (one < other) | ((one == other) & lower)
        ordered = [
            (np.where(lower, one, other), np.where(lower, other, one))
            for one, other in zip(source, destination, strict=True)
        ]
        (high, other_high), (low, other_low), (port, other_port) = ordered
        number, _ = self._addresses.number([high, low, other_high, other_low])
        return lower, number.astype(np.uint64) << PORT_BITS | port, other_port
