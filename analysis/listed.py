"""Rows of the connection table as Python's own numbers, for writers that tell of one connection after another.

A number of an array takes several times as long to read as one of a list, and an address, which stands in the keys
of the pairs, a hundred times as long.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.connections import HISTORY_LETTERS, Connections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def listed(connections: Connections, rows: Sequence[int]) -> Connections:
    """These rows, by their numbers: `column[row]` is a number, or a list of two, one for each end; a history, bytes.

    It answers `column[row]` and `column[row][end]` as the table does, and nothing else.
    """
    index = np.array(rows, np.int64)
    columns: dict[str, Any] = {
        each.name: dict(zip(rows, _values(each.name, getattr(connections, each.name)[index]), strict=True))
        for each in fields(Connections)
        if each.name != "long_histories"
    }
    return Connections(**columns, long_histories=connections.long_histories)


def _values(name: str, column: NDArray[Any]) -> list[Any]:
    """A history is bytes, of which those behind its length may be missing: no letter is 0."""
    if name == "history":
        column = np.ascontiguousarray(column).view(f"S{HISTORY_LETTERS}").reshape(-1)
    values: list[Any] = column.tolist()
    return values
