"""How many duplicate ACKs each end has sent in a row, after each of its segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.judging import ENOUGH, TOLD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.ends import Ends


def told_after(ends: Ends, beyond: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The other end's segments, by place, (n + 2G,), after which acknowledgments go beyond all that was captured.

    `beyond` (n,) are those acknowledgments. The places from n on stand for the last segments before the batch.
    """
    told = np.zeros(len(ends) + len(ends.begin) - 1, np.bool_)
    told[ends.other[beyond]] = True
    return told


def told_before(ends: Ends, beyond: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Before which segments their end has done so already since the other end's last segment, (n,)."""
    place = np.flatnonzero(beyond)
    told = np.zeros(len(ends), np.bool_)
    if not len(place):
        return told
    latest = np.searchsorted(place, np.arange(len(ends))) - 1
    told[latest >= 0] = (ends.other[place[latest]] == ends.other)[latest >= 0]
    return told


def count_duplicates(
    ends: Ends,
    duplicate: NDArray[np.bool_],
    restarts: NDArray[np.bool_],
    told: NDArray[np.bool_],
    carried: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """The count after each segment and of each end before the batch, uint8 (n + 2G,): up to `ENOUGH`, or `TOLD`.

    `duplicate` (n,) are duplicate ACKs and `restarts` (n,) segments with another acknowledgment than the one before;
    `told` is that of `told_after`, `carried` (2G,) the counts before the batch.
    """
    count, head = len(ends), ends.head
    if not count:
        return carried
    start = carried[ends.slot[head]]
    before_told = told[ends.before]
    before_told[head] |= start == TOLD
    total: NDArray[np.int64] = np.cumsum(duplicate)
    event = restarts | before_told
    event[head] = True
    base: NDArray[np.int64] = total - (duplicate & before_told)
    plain = ~restarts[head] & ~before_told[head]
    base[head[plain]] = (total - duplicate)[head[plain]] - start[plain]
    latest = np.maximum.accumulate(np.where(event, np.arange(count), 0))
    since = np.minimum(total - base[latest], ENOUGH)
    still_told = (since == 0) & (before_told & ~restarts)[latest]
    return np.concatenate((np.where(still_told, TOLD, since).astype(np.uint8), carried))
