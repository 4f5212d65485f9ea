"""Whether an end's windows are scaled by now: it has sent an ACK since its last SYN (RFC 7323 section 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.places import indices
from analysis.segments import ACK, SYN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.segments import Segments


class Scaled:
    """Of the 2G ends of a batch; `before` (bool, (2G,)) is what held before it."""

    def __init__(self, s: Segments, before: NDArray[np.bool_]) -> None:
        self._s = s
        self._others = indices((s.flags & (SYN | ACK)) != ACK)  # few: SYNs and segments without ACK
        self._first = s.first_but(self._others)  # (2G,) the first place from which on they are; -1: from before
        self._first[before] = -1
        # Hardly any handshake begins again after it was over.
        self._late = np.sort(s.opening[s.opening > self._first[s.side[s.opening]]])

    def by(self, place: NDArray[np.int64], side: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the windows of these ends are, at their segments at these places, or before the batch (n or more)."""
        first = self._first[side]
        inside = place < len(self._s)
        found: NDArray[np.bool_] = np.where(inside, place >= first, first < 0)
        if len(self._late):
            at = self._late.searchsorted(place, "right") - 1
            again = indices(inside & (at >= 0) & (self._s.side[self._late[at]] == side))
            found[again] = self._since(self._late[at[again]], place[again])
        return found

    def after(self) -> NDArray[np.bool_]:
        """Whether those of each end are after the batch, bool (2G,)."""
        found: NDArray[np.bool_] = self._first < len(self._s)
        side = self._s.side[self._late]
        found[side] = self._since(self._late, self._s.begin[side + 1] - 1)  # in order: an end's last SYN stays
        return found

    def _since(self, late: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether there is an ACK behind these SYNs and up to these places of the same ends."""
        others = self._others.searchsorted(place, "right") - self._others.searchsorted(late, "right")
        found: NDArray[np.bool_] = place - late > others
        return found
