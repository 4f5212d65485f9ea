"""Where something holds, and how long runs are.

numpy's own functions for this cost more in calls than in work where there are a few values only, and a live capture is
judged a few packets at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def indices(condition: NDArray[Any]) -> NDArray[np.int64]:
    """The indices at which a condition (N,) holds, or a number is not 0; ascending."""
    return condition.nonzero()[0]


def among(values: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the values (N,) are among the others, bool (N,): numpy.isin, but at once where there are no others."""
    return np.isin(values, others) if len(others) else np.zeros(len(values), np.bool_)


def run_starts(values: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the first of each run of equal values."""
    begins = np.empty(len(values), np.bool_)
    begins[:1] = True
    np.not_equal(values[1:], values[:-1], out=begins[1:])
    return begins.nonzero()[0]


def run_sizes(begin: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How long the runs are that begin at `begin`; the last one ends at `count`."""
    size = np.empty(len(begin), np.int64)
    size[:-1] = begin[1:]
    size[-1:] = count
    size -= begin
    return size
