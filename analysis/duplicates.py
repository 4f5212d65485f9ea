"""How many duplicate ACKs each end has sent in a row, after each of its segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.judging import ENOUGH, TOLD
from analysis.places import indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments


def told_before(s: Segments, beyond: NDArray[np.int64]) -> NDArray[np.int64]:
    """At which segments their end has acknowledged what was not captured since the other end's last segment.

    `beyond` are the places of those acknowledgments; each of them but the first is among the result.
    """
    if not len(beyond):
        return beyond
    concerned = np.zeros(len(s.ends), np.bool_)
    concerned[s.side[beyond]] = True
    place, _ = s.places_of(indices(concerned))
    latest = beyond.searchsorted(place) - 1
    place, latest = (values[latest >= 0] for values in (place, latest))
    found: NDArray[np.int64] = place[s.other[beyond[latest]] == s.other[place]]
    return found


def count_duplicates(
    s: Segments,
    duplicate: NDArray[np.bool_],
    restarts: NDArray[np.bool_],
    told: NDArray[np.bool_],
    carried: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """The count after each segment and of each end before the batch, uint8 (n + 2G,): up to `ENOUGH`, or `TOLD`.

    `duplicate` (n,) are duplicate ACKs and `restarts` (n,) segments with another acknowledgment than the one before;
    `told` (n + 2G,) are those, by place, after which the other end acknowledges more than was captured; `carried` (2G,)
    are the counts before the batch.
    """
    concerned = carried != 0
    concerned[s.side[indices(duplicate)]] = True
    concerned |= told[len(s) :]
    concerned[s.side[indices(told[: len(s)])]] = True
    sides = indices(concerned[s.owner])
    counts = np.zeros(len(s) + len(s.ends), np.uint8)
    counts[len(s) :] = carried
    if len(sides):
        place, heads = s.places_of(s.owner[sides])
        before_told = np.empty(len(place), np.bool_)
        before_told[1:] = told[place[:-1]]
        start = carried[s.owner[sides]]
        before_told[heads] = told[len(s) + s.owner[sides]] | (start == TOLD)
        counts[place] = _count(duplicate[place], restarts[place], before_told, heads, start)
    return counts


def _count(
    duplicate: NDArray[np.bool_],
    restarts: NDArray[np.bool_],
    before_told: NDArray[np.bool_],
    head: NDArray[np.int64],
    start: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """The counts of some ends, whose segments begin at `head` and whose counts with `start`."""
    total: NDArray[np.int64] = duplicate.cumsum()
    event = restarts | before_told
    event[head] = True
    base: NDArray[np.int64] = total - (duplicate & before_told)
    plain = ~restarts[head] & ~before_told[head]
    base[head[plain]] = (total - duplicate)[head[plain]] - start[plain]
    latest = np.maximum.accumulate(event * np.arange(len(event)))
    since = np.minimum(total - base[latest], ENOUGH)
    still_told = (since == 0) & (before_told & ~restarts)[latest]
    since[still_told] = TOLD
    found: NDArray[np.uint8] = since.astype(np.uint8)
    return found
