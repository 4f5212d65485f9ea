"""Where the records of a stretch of bytes begin: each record's length leads to the next, so the walk is sequential.

To walk it in bulk, record starts are guessed at regular distances, and all stretches between guesses (lanes) are
walked together, one numpy gather a step. The result is exact by induction: the first lane starts at a true record,
and a lane counts only if the walk before it lands on its start; where it does not, records are walked one by one
until the walk meets a lane again. A wrong guess costs time, never truth.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Positions = NDArray[np.int64]
    Guess = Callable[[NDArray[np.uint8], int, Positions, int], Positions]

LANE: Final = 64 << 10
"""Bytes between two guesses at most. Shorter lanes make more guesses, longer ones more steps."""

SHORTEST_LANE: Final = 8 << 10
"""Bytes between two guesses at least."""

LANES: Final = 512
"""So many lanes make numpy's work a step worth its call."""

REACH: Final = 2 << 10
"""How many bytes of each lane are searched for a record start: longer than all records of an ordinary network."""

_STEPS: Final = 32  # walked between two looks at which lanes have ended
_FEW_LANES: Final = 24  # below this many, a numpy step costs more than plain Python steps
_MOST_CHUNKS: Final = 256  # of steps: enough for a lane of the smallest records, and it bounds the memory
_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Hops:
    """How a container leads from one record to the next.

    The unsigned 32-bit word at `length_at`, in byte order `order` ("<" or ">"), is a length; the next record
    begins `extra` + that length, rounded up to a multiple of `alignment`, after this one. Lengths outside
    `smallest`..`largest` are damage. With `other_at` the smaller of two words is the length. A record that begins
    with the word `stop` ends the walk, except as its first.
    """

    header: int  # bytes that a record has at least
    length_at: int
    order: str
    extra: int
    smallest: int
    largest: int
    alignment: int = 1
    other_at: int | None = None
    stop: int | None = None

    def lengths(self, buffer: NDArray[np.uint8], at: Positions) -> Positions:
        """The length words of records at `at` (N,), whose headers are inside the buffer: (N,) int64."""
        found = words(buffer, at + self.length_at, self.order)
        if self.other_at is not None:
            found = np.minimum(found, words(buffer, at + self.other_at, self.order))
        return found

    def stepper(self, buffer: NDArray[np.uint8]) -> Callable[[Positions], Positions]:
        """A function that moves records at `at` (N,) on to those that follow them, in place where it can."""
        if self.other_at is not None or self.alignment > 1:
            return lambda at: self.following(at, self.lengths(buffer, at))
        word, order = np.dtype("V4"), self.order + "u4"
        lengths: NDArray[np.void] = np.ndarray((len(buffer) - self.length_at - 3,), word, buffer, self.length_at, (1,))

        def follow(at: Positions) -> Positions:
            at += lengths[at].view(order)
            at += self.extra
            return at

        return follow

    def following(self, at: Positions, lengths: Positions) -> Positions:
        """Where the records after those at `at` begin."""
        if self.alignment > 1:
            lengths = (lengths + (self.alignment - 1)) & -self.alignment
        return at + lengths + self.extra


@dataclass(frozen=True, slots=True)
class Scan:
    """The whole records found, `positions` (N,) int64 ascending, and where and why the walk ended.

    `stop` is the first byte behind them. `broken`: the record there has an impossible length. Otherwise it is not
    whole, has the stop word, or is the end; `needed` is how many bytes from `stop` must be there to go on.
    """

    positions: Positions
    stop: int
    broken: bool
    needed: int


def words(buffer: NDArray[np.uint8], at: Positions, order: str) -> Positions:
    """Unsigned 32-bit words at any byte positions (N,), as int64 (N,); positions + 4 must be inside the buffer."""
    return raw_words(buffer, at, 1, order)[:, 0].astype(np.int64)


def word_columns(buffer: NDArray[np.uint8], at: Positions, count: int, order: str) -> Positions:
    """`count` successive unsigned 32-bit words at any byte positions (N,), as int64 (N, count)."""
    return raw_words(buffer, at, count, order).astype(np.int64)


def raw_words(buffer: NDArray[np.uint8], at: Positions, count: int, order: str) -> NDArray[np.uint32]:
    """The same as the buffer has them, in byte order `order`: one gather, (N, count) uint32."""
    every: NDArray[np.void] = np.ndarray((len(buffer) - 4 * count + 1,), f"V{4 * count}", buffer, strides=(1,))
    return every[at].view(order + "u4").reshape(-1, count)


def scan(buffer: NDArray[np.uint8], start: int, end: int, hops: Hops, guess: Guess | None = None) -> Scan:
    """All whole records from `start` (a true record start) to `end`; the buffer goes on for `PADDING` bytes behind.

    `guess(buffer, start, lanes, end)` names for each lane a likely record start at or behind it, at most `REACH`
    bytes on, or -1; without it, and for short stretches, records are walked one by one.
    """
    lane = min(LANE, max(SHORTEST_LANE, (end - start) // LANES))
    if guess is not None and end - start >= 4 * lane:
        lanes = np.arange(start + lane, end - lane, lane, dtype=np.int64)
        found = guess(buffer, start, lanes, end)
        found = found[(found >= lanes) & (found < lanes + lane)]  # ascending, or the walk could turn in circles
        if len(found) * 2 >= len(lanes):
            starts = np.concatenate([np.array([start], np.int64), found])
            return _cut(buffer, _stitch(buffer, starts, end, hops), end, hops)
    positions, at = _one_by_one(buffer, start, end, hops, end)
    return _cut(buffer, np.array([*positions, at], np.int64), end, hops)


def _cut(buffer: NDArray[np.uint8], chain: Positions, end: int, hops: Hops) -> Scan:
    """End a chain of positions (the last is where the walk arrived) at the first record that cannot be taken."""
    readable = chain[: int(np.searchsorted(chain, end - hops.header, side="right"))]
    if hops.alignment == 1:  # the distances are the lengths: no need to fetch them again
        last = readable[-1:]
        lengths = np.append(np.diff(readable) - hops.extra, hops.lengths(buffer, last))
    else:
        lengths = hops.lengths(buffer, readable)
    behind = hops.following(readable, lengths)
    impossible = (lengths < hops.smallest) | (lengths > hops.largest)
    ended = np.zeros(len(readable), bool)
    if hops.stop is not None:
        ended[1:] = words(buffer, readable[1:], hops.order) == hops.stop
    bad = impossible | ended | (behind > end)
    if not bad.any():  # every header that is whole belongs to a whole record
        stop = int(behind[-1]) if len(readable) else int(chain[0])
        return Scan(readable, stop, broken=False, needed=hops.header)
    first = int(np.argmax(bad))
    stop = int(readable[first])
    if ended[first]:
        return Scan(readable[:first], stop, broken=False, needed=hops.header)
    return Scan(readable[:first], stop, bool(impossible[first]), int(behind[first]) - stop)


def _one_by_one(
    buffer: NDArray[np.uint8], start: int, end: int, hops: Hops, until: int, meet: frozenset[int] = frozenset()
) -> tuple[list[int], int]:
    """Walk from `start` to the first position that is at or behind `until`, in `meet`, or cannot be walked on."""
    view = buffer.data
    word = struct.Struct(hops.order + "I").unpack_from
    round_up, rounded = hops.alignment - 1, -hops.alignment
    positions: list[int] = []
    at, last = start, min(until, end - hops.header + 1)
    while at < last and at not in meet:
        (length,) = word(view, at + hops.length_at)
        if hops.other_at is not None:
            length = min(length, word(view, at + hops.other_at)[0])
        if not hops.smallest <= length <= hops.largest:
            break
        if hops.stop is not None and positions and word(view, at)[0] == hops.stop:
            break
        positions.append(at)
        at += hops.extra + ((length + round_up) & rounded)
    return positions, at


def _stitch(buffer: NDArray[np.uint8], starts: Positions, end: int, hops: Hops) -> Positions:
    """The chain from `starts[0]`: of the lanes, those that the walk truly meets."""
    ends = np.append(starts[1:], end)
    flat, counts, landings = _walk_lanes(buffer, starts, ends, hops)
    if np.array_equal(landings[:-1], starts[1:]):
        return np.append(flat, landings[-1])
    borders = np.concatenate([[0], np.cumsum(counts)])
    lane_at = {int(position): lane for lane, position in enumerate(starts)}
    meet = frozenset(lane_at)
    parts, at = [], int(starts[0])
    while at in lane_at:
        lane = lane_at[at]
        parts.append(flat[borders[lane] : borders[lane + 1]])
        at = int(landings[lane])
        between, at = _one_by_one(buffer, at, end, hops, end, meet)
        parts.append(np.array(between, np.int64))
    return np.append(np.concatenate(parts), at)


def _walk_lanes(
    buffer: NDArray[np.uint8], starts: Positions, ends: Positions, hops: Hops
) -> tuple[Positions, Positions, Positions]:
    """Walk L lanes together: positions lane after lane, how many each has (L,), and where each arrived (L,).

    Lengths are not judged here: a lane that meets an impossible one arrives somewhere, and `_cut` ends the chain.
    """
    limit = int(ends[-1])
    alive = np.arange(len(starts))
    here = starts.copy()
    landings = ends.copy()
    chunks: list[tuple[Positions, Positions]] = []
    step = hops.stepper(buffer)
    while len(alive) >= _FEW_LANES and len(chunks) < _MOST_CHUNKS:
        chunk = np.empty((_STEPS + 1, len(alive)), np.int64)
        for place in range(_STEPS):
            chunk[place] = here
            here = step(np.minimum(here, limit, out=here))
            if not hops.extra:
                np.maximum(here, chunk[place] + 1, out=here)  # a length of 0 must not hold the walk
        chunk[_STEPS] = here
        chunks.append((alive, chunk[:_STEPS]))
        landings[alive] = np.where(chunk >= ends[alive], chunk, _NEVER).min(axis=0)
        still = here < ends[alive]
        alive, here = alive[still], here[still]
    table = np.full((len(starts), len(chunks) * _STEPS), _NEVER)
    for number, (lanes, chunk) in enumerate(chunks):
        table[lanes, number * _STEPS : (number + 1) * _STEPS] = chunk.T
    taken = table < ends[:, None]
    flat, counts = table[taken], taken.sum(axis=1)
    return _finish(buffer, (flat, counts, landings), dict(zip(alive.tolist(), here.tolist(), strict=True)), ends, hops)


def _finish(
    buffer: NDArray[np.uint8],
    walked: tuple[Positions, Positions, Positions],
    unfinished: dict[int, int],
    ends: Positions,
    hops: Hops,
) -> tuple[Positions, Positions, Positions]:
    """Walk the last few lanes, `unfinished` (lane: where it stands), to their ends one by one."""
    if not unfinished:
        return walked
    flat, counts, landings = walked
    parts, taken = [], 0
    for lane, border in zip(unfinished, np.cumsum(counts)[list(unfinished)].tolist(), strict=True):
        positions, landings[lane] = _one_by_one(buffer, unfinished[lane], int(ends[-1]), hops, int(ends[lane]))
        parts += [flat[taken:border], np.array(positions, np.int64)]
        counts[lane] += len(positions)
        taken = border
    return np.concatenate([*parts, flat[taken:]]), counts, landings
