"""What the judgements of segments carry from batch to batch, of both ends of the batch's connections."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.connections import NO_PACKET
from analysis.judging import KEEP_ALIVE, PROBE, UNKNOWN, Side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.columns import Columns

COUNT: Final = 3
"""The column `judged`: in two bits the count of duplicate ACKs, or `analysis.judging.TOLD`, then these bits."""
PROBED: Final = 4
KEPT_ALIVE: Final = 8
ACKED: Final = 16


@dataclass(slots=True)
class Carried:
    """As `analysis.judging.Side` tells it, one value an end, (2G,): a connection's a, then its b."""

    next_sequence: NDArray[np.uint32]
    next_packet: NDArray[np.int32]
    limit: NDArray[np.uint32]
    last_ack: NDArray[np.uint32]
    last_segment: NDArray[np.int32]
    last_window: NDArray[np.uint16]
    judged: NDArray[np.uint8]

    @classmethod
    def load(cls, columns: Columns, ends: NDArray[np.int64]) -> Carried:
        """Of these ends, (2G,), by their places in the connection table's columns."""
        return cls(**{field.name: columns[field.name].reshape(-1)[ends] for field in fields(cls)})

    def store(self, columns: Columns, ends: NDArray[np.int64]) -> None:
        """Into these places."""
        for field in fields(self):
            columns[field.name].reshape(-1)[ends] = getattr(self, field.name)

    def copy(self) -> Carried:
        """The same values, to be changed."""
        return replace(self, **{field.name: getattr(self, field.name).copy() for field in fields(self)})

    def windows(self) -> NDArray[np.uint32]:
        """The last windows, `UNKNOWN` of an end that has not sent anything."""
        unknown = np.uint32(UNKNOWN)
        return np.where(self.last_segment == NO_PACKET, unknown, self.last_window.astype(np.uint32))

    def counts(self) -> NDArray[np.uint8]:
        """The counts of duplicate ACKs."""
        return (self.judged & COUNT).astype(np.uint8)

    def side(self, slot: int, scaling: int, times: NDArray[np.int64]) -> Side:
        """One end. `times` are those of all packets before the batch."""
        sent, moved, judged = int(self.last_segment[slot]), int(self.next_packet[slot]), int(self.judged[slot])
        return Side(
            next=int(self.next_sequence[slot]),
            next_packet=moved,
            next_ns=int(times[moved]) if moved != NO_PACKET else 0,
            limit=int(self.limit[slot]),
            ack=int(self.last_ack[slot]),
            ack_packet=sent,
            ack_ns=int(times[sent]) if sent != NO_PACKET else 0,
            window=int(self.last_window[slot]) if sent != NO_PACKET else UNKNOWN,
            duplicates=judged & COUNT,
            last=bool(judged & PROBED) * PROBE | bool(judged & KEPT_ALIVE) * KEEP_ALIVE,
            acked=bool(judged & ACKED),
            scaling=scaling,
        )

    def keep(self, slot: int, side: Side) -> None:
        """Put one end back."""
        self.next_sequence[slot], self.next_packet[slot], self.limit[slot] = side.next, side.next_packet, side.limit
        self.last_ack[slot], self.last_segment[slot] = side.ack, side.ack_packet
        self.last_window[slot] = side.window if side.window != UNKNOWN else 0
        last = bool(side.last & PROBE) * PROBED | bool(side.last & KEEP_ALIVE) * KEPT_ALIVE
        self.judged[slot] = side.duplicates | last | side.acked * ACKED
