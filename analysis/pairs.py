"""Endpoint pairs to numbers, by a hash table in numpy: no sorting of keys, no Python loop over packets.

A pair is unordered (a packet and its answer have the same pair) and keeps its number for the whole capture. Numbers
are given in order of first appearance, so they do not depend on how the capture was cut into batches.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.columns import Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.headers import Endpoints

WORDS: Final = 5
WIDE: Final = np.uint64(1 << 63)
EMPTY: Final = -1
_NAMES: Final = ("low", "other_low", "kind_and_ports", "high", "other_high")


def pair_keys(endpoints: Endpoints) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Keys of unordered pairs, uint64 (5, M), and whether the source is the pair's lower endpoint, bool (M,).

    The words are both addresses' low halves, family with transport and ports, and both addresses' high halves; `WIDE`
    is set in the third where those are not 0.
    """
    e = endpoints
    lower = (e.source_low < e.destination_low) | (
        (e.source_low == e.destination_low) & (e.source_port <= e.destination_port)
    )
    wide = np.flatnonzero(e.source_high | e.destination_high)
    source_high, destination_high = e.source_high[wide], e.destination_high[wide]
    lower[wide] = np.where(source_high == destination_high, lower[wide], source_high < destination_high)
    keys = np.zeros((WORDS, len(lower)), np.uint64)
    keys[0] = np.where(lower, e.source_low, e.destination_low)
    keys[1] = np.where(lower, e.destination_low, e.source_low)
    keys[3, wide] = np.where(lower[wide], source_high, destination_high)
    keys[4, wide] = np.where(lower[wide], destination_high, source_high)
    source, destination = e.source_port.astype(np.uint32), e.destination_port.astype(np.uint32)
    ports = np.where(lower, source << np.uint32(16) | destination, destination << np.uint32(16) | source)
    kind = e.family.astype(np.uint32) << np.uint32(16) | e.transport
    keys[2] = kind.astype(np.uint64) << np.uint64(32) | ports
    keys[2, wide] |= WIDE
    return keys, lower


class Pairs:
    """The pairs seen so far. Open addressing with linear steps, never more than half full."""

    def __init__(self) -> None:
        # A secret start keeps a crafted capture from steering all its pairs into one place.
        self._seed = np.uint64(secrets.randbits(64) | 1)
        self._keys = Columns(dict.fromkeys(_NAMES, np.uint64))
        self._table: NDArray[np.int32] = np.full(1 << 16, EMPTY, np.int32)

    def __len__(self) -> int:
        return len(self._keys)

    def transports(self, pairs: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The transport of these pairs (as in capture.headers.Endpoints)."""
        kind: NDArray[np.uint64] = self._keys["kind_and_ports"][pairs]
        return (kind >> np.uint64(32) & np.uint64(0xFFFF)).astype(np.uint16)

    def number(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The number of each key (5, M), int64 (M,); new keys take the next numbers in the order they stand in."""
        base, count = len(self), keys.shape[1]
        self._make_room(base + count)
        numbers = np.empty(count, np.int64)
        claimed: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        pending, slot = np.arange(count), self._slots(keys)
        while len(pending):
            found = self._table[slot]
            free = np.flatnonzero(found == EMPTY)
            if len(free):
                new = self._claim(free, slot)
                rows = self._keys.extend(dict(zip(_NAMES, keys[:, new], strict=True)))
                self._table[slot[new]] = np.arange(rows.start, rows.stop, dtype=np.int32)
                claimed.append((pending[new], slot[new]))
                found[free] = self._table[slot[free]]
            numbers[pending] = found  # where another pair sits there, a later round tells better
            other = np.flatnonzero(self._differ(found, keys))
            pending, keys, slot = pending[other], keys[:, other], (slot[other] + 1) & (len(self._table) - 1)
        if claimed:
            rows_of_new, slots = (np.concatenate(parts) for parts in zip(*claimed, strict=True))
            self._renumber(base, rows_of_new, slots, numbers)
        return numbers

    def _differ(self, pairs: NDArray[np.int32], keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Whether these pairs are others than the keys beside them."""
        words = [self._keys[name] for name in _NAMES]
        other = words[0][pairs] != keys[0]
        other |= words[1][pairs] != keys[1]
        other |= words[2][pairs] != keys[2]
        wide = np.flatnonzero(keys[2] & WIDE)
        other[wide] |= (words[3][pairs[wide]] != keys[3, wide]) | (words[4][pairs[wide]] != keys[4, wide])
        found: NDArray[np.bool_] = other
        return found

    def _claim(self, free: NDArray[np.int64], slot: NDArray[np.int64]) -> NDArray[np.int64]:
        """Among rows that want free slots, the first row of each slot (numpy keeps the last write)."""
        wanted = slot[free]
        self._table[wanted[::-1]] = free[::-1]
        winners: NDArray[np.int64] = free[self._table[wanted] == free]
        self._table[wanted] = EMPTY
        return winners

    def _renumber(
        self, base: int, rows: NDArray[np.int64], slots: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> None:
        """Give the new pairs their numbers in order of appearance: collisions made some claim a round later."""
        if (rows[1:] > rows[:-1]).all():
            return
        order = np.argsort(rows)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        for name in _NAMES:
            column = self._keys[name]
            column[base:] = column[base:][order]
        self._table[slots] = base + rank
        new = numbers >= base
        numbers[new] = base + rank[numbers[new] - base]

    def _slots(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where the search for each key begins. High halves that are 0 take no part, so that IPv4 is quick."""
        mixed = np.full(keys.shape[1], self._seed, np.uint64)
        for word in keys[:3]:
            _mix(mixed, word)
        wide = np.flatnonzero(keys[2] & WIDE)
        if len(wide):
            high = mixed[wide]
            _mix(high, keys[3, wide])
            _mix(high, keys[4, wide])
            mixed[wide] = high
        mixed *= self._seed
        mixed ^= mixed >> np.uint64(32)
        return (mixed & np.uint64(len(self._table) - 1)).astype(np.int64)

    def _make_room(self, needed: int) -> None:
        size = len(self._table)
        if needed * 2 <= size:
            return
        while needed * 2 > size:
            size *= 2
        self._table = np.full(size, EMPTY, np.int32)
        pending = np.arange(len(self))
        slot = self._slots(np.stack([self._keys[name] for name in _NAMES]))
        while len(pending):
            free = np.flatnonzero(self._table[slot] == EMPTY)
            self._table[slot[free]] = pending[free]
            left = np.flatnonzero(self._table[slot] != pending)
            pending, slot = pending[left], (slot[left] + 1) & (size - 1)


def _mix(mixed: NDArray[np.uint64], word: NDArray[np.uint64]) -> None:
    """Stir a word into a hash, in place."""
    mixed ^= word
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
