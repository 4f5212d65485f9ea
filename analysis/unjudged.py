"""The states beside segments that may not be judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.places import indices
from analysis.tracking import PACKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.streams import Assignment
    from capture.columns import Columns


class Unjudged:
    """The segments that may not be judged, since their length is not known: they leave both ends in their states."""

    def __init__(
        self, unjudged: NDArray[np.int64], judged: NDArray[np.bool_], assigned: Assignment, columns: Columns
    ) -> None:
        """`unjudged` are their rows in the batch; `judged` (bool, (N,)) are the segments that may be judged."""
        self._row = unjudged
        self._judged = judged
        self._connection = assigned.connection
        self._before = columns["state"][self._connection[self._row]].view(PACKED)[:, 0]

    def fill(self, states: NDArray[np.uint16]) -> None:
        """Put in their states: those after the judged segment before, or those before the batch."""
        if not len(self._row):
            return
        states[self._row] = self._before
        row = np.concatenate((indices(self._judged), self._row))
        row = row[np.lexsort((row, self._connection[row]))]
        latest = np.maximum.accumulate(np.where(self._judged[row], np.arange(len(row)), -1))
        inside = (latest >= 0) & (self._connection[row[latest]] == self._connection[row])
        states[row[inside]] = states[row[latest[inside]]]
