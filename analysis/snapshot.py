"""What a session publishes: everything known so far, as values that any thread may read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.connections import Connections
    from capture.batch import Interface
    from capture.errors import Problem
    from capture.table import Packets


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The capture as far as it has been read. `bytes_total` is None where the size is not known (a stream)."""

    packets: Packets
    connections: Connections
    interfaces: tuple[Interface, ...]
    problems: tuple[Problem, ...]
    bytes_read: int
    bytes_total: int | None
    finished: bool  # no more packets will come
    cancelled: bool = False  # the reader was told to stop before the end
    names: Mapping[str, str] = field(default_factory=dict)  # of addresses, as far as they were found out; grows
    owners: Mapping[tuple[int, str, int], str] = field(default_factory=dict)  # processes, by protocol, address and port
