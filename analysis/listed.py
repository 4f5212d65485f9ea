"""Rows of the connection table as Python's own numbers, for writers that tell of one connection after another.

A number of an array takes several times as long to read as one of a list, and an address, which stands in the keys
of the pairs, a hundred times as long.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from analysis.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Sequence


def listed(connections: Connections, rows: Sequence[int]) -> Connections:
    """These rows, by their numbers: `column[row]` is a number or a list of two, one for each end.

    It answers `column[row]` and `column[row][end]` as the table does, and nothing else.
    """
    columns: dict[str, Any] = {
        each.name: dict(zip(rows, getattr(connections, each.name)[rows].tolist(), strict=True))
        for each in fields(Connections)
        if each.name != "long_histories"
    }
    return Connections(**columns, long_histories=connections.long_histories)
