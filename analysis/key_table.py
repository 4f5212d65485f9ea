"""Keys of some 64-bit words to numbers, by a hash table in numpy: no sorting of keys, no Python loop over rows.

Numbers are given in order of first appearance, so they do not depend on how the keys were cut into batches.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.places import indices
from capture.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Words = Sequence[NDArray[np.uint64]]
    """Keys: one array for each word, all (M,)."""

EMPTY: Final = -1
_FEWEST: Final = 1 << 12
_NEAR_BITS: Final = 16
_ALONE: Final = 16
"""So few keys are looked up one by one: numpy takes as long for each step of one as of a hundred."""
_FEW: Final = 256
"""So few keys are looked up at once, without finding those that are alike."""


class KeyTable:
    """The keys seen so far. Open addressing with growing steps, at most five eighths full."""

    def __init__(self, words: int) -> None:
        self._names = [str(word) for word in range(words)]
        self._keys = Columns(dict.fromkeys(self._names, np.uint64))
        # Secret factors keep a crafted capture from steering all its keys into one place.
        self._factors = [np.uint64(int.from_bytes(os.urandom(8)) | 1) for _ in range(words)]
        self._near = np.empty(1 << _NEAR_BITS, np.int32)
        self._clear(_FEWEST)

    def __len__(self) -> int:
        return len(self._keys)

    def words(self) -> list[NDArray[np.uint64]]:
        """All keys, by number: one array for each word."""
        return [self._keys[name] for name in self._names]

    def restore(self, words: Words) -> None:
        """Take in keys that were numbered before, to be read; none can be looked up among them."""
        self._keys.extend(dict(zip(self._names, words, strict=True)))

    def number(self, keys: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of each key, int64 (M,), and where each new one stands first, int64, ascending.

        New keys take the next numbers in the order they stand in.
        """
        mixed = self._mix(keys)
        if len(mixed) < _FEW:
            return self._look_up(keys, mixed)
        first = self._first_alike(keys, mixed)
        asked = indices(first == np.arange(len(first)))
        numbers, new = self._look_up([key.take(asked) for key in keys], mixed[asked])
        by_row = np.empty(len(first), np.int64)
        by_row[asked] = numbers
        return by_row.take(first), asked[new]

    def _first_alike(self, keys: Words, mixed: NDArray[np.uint64]) -> NDArray[np.int64]:
        """For each key an earlier one that is the same, the first if possible, or itself.

        Most keys of a batch occur in it many times. They are found in a small table, which stays in the processor's
        cache, so that only few have to be looked up in the large one.
        """
        slot = (mixed >> np.uint64(64 - _NEAR_BITS)).view(np.int64)
        backwards = np.ascontiguousarray(slot[::-1])
        self._near[backwards] = np.arange(len(slot) - 1, -1, -1, dtype=np.int32)  # so that the first one stays
        first = self._near.take(slot).astype(np.int64)
        other = self._others(first, keys, keys)
        first[other] = other
        return first

    def _look_up(self, keys: Words, mixed: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same as `number` for a few keys."""
        base = len(self)
        numbers = np.empty(len(mixed), np.int64)
        claimed: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        pending, slot, step = np.arange(len(mixed)), self._slots(mixed), 0
        while len(pending) > _ALONE:
            found = self._table[slot]
            free = indices(found == EMPTY)
            if len(free):
                new = self._claim(free, slot)
                if not self._has_room(len(new)):
                    slot, step = self._slots(mixed[pending]), 0
                    claimed = [(rows, self._find(numbers[rows], mixed[rows])) for rows, _ in claimed]
                    continue
                rows = self._keys.extend({name: key[new] for name, key in zip(self._names, keys, strict=True)})
                self._table[slot[new]] = np.arange(rows.start, rows.stop)
                claimed.append((pending[new], slot[new]))
                found[free] = self._table[slot[free]]
            numbers[pending] = found  # where another key sits there, a later round tells better
            other = self._others(numbers[pending], keys, self.words())
            step += 1
            pending, slot = pending[other], self._next(slot[other], step)
            keys = [key[other] for key in keys]
        if len(pending):
            if not self._has_room(len(pending)):
                slot, step = self._slots(mixed[pending]), 0
                claimed = [(rows, self._find(numbers[rows], mixed[rows])) for rows, _ in claimed]
            claimed += self._look_up_alone(pending, keys, slot, step, numbers)
        if not claimed:
            return numbers, pending[:0]
        rows_of_new, slots = (np.concatenate(parts) for parts in zip(*claimed, strict=True))
        return numbers, self._in_order(base, rows_of_new, slots, numbers)

    def _look_up_alone(
        self, pending: NDArray[np.int64], keys: Words, slot: NDArray[np.int64], step: int, numbers: NDArray[np.int64]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Look up these few keys one by one, into `numbers`; the rows and the slots of new ones. There is room."""
        known, mask = self.words(), len(self._table) - 1
        base = len(self)
        new: list[tuple[int, ...]] = []
        claimed: list[tuple[int, int]] = []
        for row, at, *key in zip(pending.tolist(), slot.tolist(), *(key.tolist() for key in keys), strict=True):
            wanted, further = tuple(key), step
            while (found := int(self._table[at])) != EMPTY:
                there = new[found - base] if found >= base else tuple(int(word[found]) for word in known)
                if there == wanted:
                    break
                further += 1
                at = at + further & mask  # noqa: PLW2901 - the slot that is looked at
            if found == EMPTY:
                found = base + len(new)
                self._table[at] = found
                new.append(wanted)
                claimed.append((row, at))
            numbers[row] = found
        if not new:
            return []
        self._keys.extend(dict(zip(self._names, np.array(new, np.uint64).T, strict=True)))
        rows, slots = np.array(claimed, np.int64).T
        return [(rows, slots)]

    def _others(self, at: NDArray[np.int64], keys: Words, known: Words) -> NDArray[np.int64]:
        """Which of the keys are others than those that are known at `at`."""
        differs = np.zeros(len(at), np.bool_)
        for word, key in zip(known, keys, strict=True):
            differs |= word.take(at) != key
        return indices(differs)

    def _claim(self, free: NDArray[np.int64], slot: NDArray[np.int64]) -> NDArray[np.int64]:
        """Among rows that want free slots, the first row of each slot (numpy keeps the last write)."""
        wanted = slot[free]
        self._table[wanted[::-1]] = free[::-1]
        winners: NDArray[np.int64] = free[indices(self._table[wanted] == free)]
        self._table[wanted] = EMPTY
        return winners

    def _in_order(
        self, base: int, rows: NDArray[np.int64], slots: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Give the new keys their numbers in order of appearance: collisions made some claim a round later.

        `rows` are those where they stand first, in the order of their numbers so far, `slots` where they were put.
        """
        if (rows[1:] > rows[:-1]).all():
            return rows
        order = rows.argsort(kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        for name in self._names:
            column = self._keys[name]
            column[base:] = column[base:][order]
        self._table[slots] = base + rank
        new = indices(numbers >= base)
        numbers[new] = base + rank[numbers[new] - base]
        return rows[order]

    def _find(self, number: NDArray[np.int64], mixed: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The slots of these numbers, whose keys have these hashes."""
        slot = self._slots(mixed)
        pending, step = np.arange(len(number)), 0
        while len(pending := pending[self._table[slot[pending]] != number[pending]]):
            step += 1
            slot[pending] = self._next(slot[pending], step)
        return slot

    def _mix(self, keys: Words) -> NDArray[np.uint64]:
        """A hash of each key."""
        mixed = keys[0] * self._factors[0]
        for word, factor in zip(keys[1:], self._factors[1:], strict=True):
            mixed ^= mixed >> np.uint64(32)
            mixed ^= word
            mixed *= factor
        mixed ^= mixed >> np.uint64(32)
        return mixed

    def _slots(self, mixed: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where the search for each key begins."""
        return (mixed & np.uint64(len(self._table) - 1)).view(np.int64)

    def _next(self, slot: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """The slot that is looked at after `slot`: steps grow by one, which comes by every slot of a power of two."""
        return (slot + step) & (len(self._table) - 1)

    def _has_room(self, more: int) -> bool:
        """Whether so many more keys leave three eighths of the slots free; if not, there are more slots now."""
        needed = (len(self) + more) * 8 // 5
        if needed <= len(self._table):
            return True
        self._clear(max(2 * len(self._table), 1 << (needed - 1).bit_length()))
        pending = np.arange(len(self))
        slot = self._slots(self._mix(self.words()))
        step = 0
        while len(pending):
            free = indices(self._table[slot] == EMPTY)
            self._table[slot[free]] = pending[free]
            left = indices(self._table[slot] != pending)
            step += 1
            pending, slot = pending[left], self._next(slot[left], step)
        return False

    def _clear(self, size: int) -> None:
        self._table: NDArray[np.int32] = np.full(size, EMPTY, np.int32)
