"""A batch's judged segments end by end, each with its end's last segment and the other end's last one at hand.

What is carried from earlier batches stands behind the batch's own values, so that one gather finds either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments
    from capture.columns import Columns


@dataclass(frozen=True, slots=True)
class Ends:
    """n judged segments of the 2G ends of G connections; a connection's a comes before its b."""

    at: NDArray[np.int64]  # (n,) index of the segment in `Segments`; ascending within an end
    slot: NDArray[np.int64]  # (n,) its end: 2 * group + direction
    before: NDArray[np.int64]  # (n,) place of its end's segment before, or n + slot for what was carried
    other: NDArray[np.int64]  # (n,) the same for the other end's last segment before it
    head: NDArray[np.int64]  # (H,) place of the first segment of each end that has one
    last: NDArray[np.int64]  # (H,) place of its last
    begin: NDArray[np.int64]  # (2G + 1,) place where each end's segments begin

    def __len__(self) -> int:
        return len(self.at)

    def shifted(self, values: NDArray[Any], carried: NDArray[Any]) -> NDArray[Any]:
        """Each segment's value of `values` (n,) one segment of its end before; `carried` (2G,) has the heads'."""
        earlier = np.empty_like(values)
        earlier[1:] = values[:-1]
        earlier[self.head] = carried[self.slot[self.head]]
        return earlier


def ends_of(s: Segments) -> Ends:
    """Order the analysed segments of a batch by end."""
    judged = np.flatnonzero(s.analysed)
    group = s.group[judged]
    direction = s.direction[judged]
    count = len(judged)
    index = np.arange(count)
    size = np.bincount(group, minlength=len(s.connection))
    of_b = np.bincount(group[direction == 1], minlength=len(s.connection))
    begin = np.cumsum(size) - size
    # How many of b's came before, this one included; then both ends' last places follow by counting.
    seen_b = np.cumsum(direction) - (np.cumsum(of_b) - of_b)[group]
    last_a = index - seen_b
    first_b = (begin + size - of_b)[group]
    last_b = first_b + seen_b - 1
    slot = group * 2 + direction
    mine_is_b = direction == 1
    place = np.where(mine_is_b, last_b, last_a)
    other = np.where(
        mine_is_b,
        np.where(last_a >= begin[group], last_a, count + slot - 1),
        np.where(last_b >= first_b, last_b, count + slot + 1),
    )
    order = np.empty(count, np.int64)
    order[place] = index
    sizes = np.stack((size - of_b, of_b), axis=1).ravel()
    begins = np.concatenate(([0], np.cumsum(sizes)))
    filled = sizes > 0
    head = begins[:-1][filled]
    slot = np.repeat(np.arange(len(sizes)), sizes)
    before = index - 1
    before[head] = count + slot[head]
    return Ends(judged[order], slot, before, other[order], head, begins[1:][filled] - 1, begins)


def carried(s: Segments, columns: Columns, name: str) -> NDArray[Any]:
    """One column of both ends of the batch's connections, (2G,)."""
    values: NDArray[Any] = columns[name][s.connection].ravel()
    return values
