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

WORDS: Final = 6
EMPTY: Final = -1


def pair_keys(endpoints: Endpoints) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Keys of unordered pairs, uint64 (M, 6), and whether the source is the pair's lower endpoint, bool (M,)."""
    e = endpoints
    lower = np.where(
        e.source_high != e.destination_high,
        e.source_high < e.destination_high,
        np.where(
            e.source_low != e.destination_low, e.source_low < e.destination_low, e.source_port <= e.destination_port
        ),
    )
    low_port = np.where(lower, e.source_port, e.destination_port).astype(np.uint64)
    high_port = np.where(lower, e.destination_port, e.source_port).astype(np.uint64)
    kind = e.family.astype(np.uint64) << np.uint64(48) | e.transport.astype(np.uint64) << np.uint64(32)
    keys = np.empty((len(e.family), WORDS), np.uint64)
    keys[:, 0] = np.where(lower, e.source_high, e.destination_high)
    keys[:, 1] = np.where(lower, e.source_low, e.destination_low)
    keys[:, 2] = np.where(lower, e.destination_high, e.source_high)
    keys[:, 3] = np.where(lower, e.destination_low, e.source_low)
    keys[:, 4] = low_port << np.uint64(16) | high_port
    keys[:, 5] = kind
    return keys, lower


class Pairs:
    """The pairs seen so far. Open addressing with linear steps, never more than half full."""

    def __init__(self) -> None:
        # A secret start keeps a crafted capture from steering all its pairs into one place.
        self._seed = np.uint64(secrets.randbits(64) | 1)
        self._keys = Columns({"key": (np.uint64, WORDS), "hash": np.uint64})
        self._table: NDArray[np.int32] = np.full(1 << 12, EMPTY, np.int32)

    def __len__(self) -> int:
        return len(self._keys)

    def transports(self, pairs: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The transport of these pairs (as in capture.headers.Endpoints)."""
        kind: NDArray[np.uint64] = self._keys["key"][pairs, WORDS - 1]
        return (kind >> np.uint64(32) & np.uint64(0xFFFF)).astype(np.uint16)

    def number(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Each key's number, int64 (M,); new keys take the next numbers in the order in which they stand."""
        hashes = self._hash(keys)
        base = len(self)
        self._make_room(base + len(keys))
        numbers = np.full(len(keys), EMPTY, np.int64)
        claimed_rows: list[NDArray[np.int64]] = []
        claimed_slots: list[NDArray[np.int64]] = []
        mask = np.uint64(len(self._table) - 1)
        pending = np.arange(len(keys))
        slot = (hashes & mask).astype(np.int64)
        while len(pending):
            here = slot[pending]
            free = pending[self._table[here] == EMPTY]
            if len(free):
                rows = self._claim(free, slot)
                first = len(self._keys)
                self._keys.extend({"key": keys[rows], "hash": hashes[rows]})
                self._table[slot[rows]] = np.arange(first, first + len(rows), dtype=np.int32)
                claimed_rows.append(rows)
                claimed_slots.append(slot[rows])
            found = self._table[here]
            same = (self._keys["hash"][found] == hashes[pending]) & (self._keys["key"][found] == keys[pending]).all(
                axis=1
            )
            numbers[pending[same]] = found[same]
            pending = pending[~same]
            slot[pending] = (slot[pending] + 1) & np.int64(mask)
        if claimed_rows:
            self._renumber(base, np.concatenate(claimed_rows), np.concatenate(claimed_slots), numbers)
        return numbers

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
        order = np.argsort(rows)
        if (order[1:] > order[:-1]).all():
            return
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        for name in ("key", "hash"):
            column = self._keys[name]
            column[base:] = column[base:][order]
        self._table[slots] = base + rank
        new = numbers >= base
        numbers[new] = base + rank[numbers[new] - base]

    def _hash(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        mixed = np.full(len(keys), self._seed, np.uint64)
        for word in range(WORDS):
            mixed ^= keys[:, word]
            mixed *= np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        mixed *= self._seed
        mixed ^= mixed >> np.uint64(32)
        return mixed

    def _make_room(self, needed: int) -> None:
        size = len(self._table)
        if needed * 2 <= size:
            return
        while needed * 2 > size:
            size *= 2
        self._table = np.full(size, EMPTY, np.int32)
        mask = np.int64(size - 1)
        pending = np.arange(len(self))
        slot = (self._keys["hash"] & np.uint64(mask)).astype(np.int64)
        while len(pending):
            free = pending[self._table[slot[pending]] == EMPTY]
            rows = self._claim(free, slot) if len(free) else free
            self._table[slot[rows]] = rows
            pending = pending[self._table[slot[pending]] != pending]
            slot[pending] = (slot[pending] + 1) & mask
