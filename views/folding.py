"""Which packets of a connection stand alone on a line, and which are folded into one line with counts.

Vectorised: a connection may have a million packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.marks import RESENT
from capture.protocol import Flag
from views.mark_words import INFORMATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from views.conversation import Conversation

SHOWN: Final = 3
"""Packets of a run that are shown before the rest of it folds."""
LEAST: Final = 4
"""Fewer than these are not worth a fold."""
MANY: Final = 50
"""Fewer packets than these are all shown where there is no TCP."""

_CONTROL: Final = int(Flag.SYN | Flag.FIN | Flag.RST | Flag.NOT_ANALYSED | Flag.MALFORMED)

_RESENT: Final = np.uint32(RESENT)
_INFORMATION: Final = np.uint32(INFORMATION)


def repeated(conversation: Conversation) -> NDArray[np.bool_]:
    """For each packet: marked as sent again, or a SYN, SYN,ACK or FIN that its sender had sent before; shape (n,)."""
    flags = conversation.column("flags")
    result: NDArray[np.bool_] = (conversation.column("marks") & _RESENT) != 0
    if not conversation.is_tcp:
        return result
    positions = np.flatnonzero(flags & int(Flag.SYN | Flag.FIN))
    found = flags[positions]
    kinds = found & int(Flag.SYN | Flag.FIN | Flag.FROM_B)
    # In a simultaneous open both ends send SYN, then SYN,ACK: the second is no repetition of the first.
    kinds |= np.where(found & int(Flag.SYN), found & int(Flag.ACK), 0).astype(kinds.dtype)
    for kind in np.flatnonzero(np.bincount(kinds)):
        same = positions[kinds == kind]
        result[same[1:]] = True
    return result


def troubles(conversation: Conversation, repeats: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each packet: a reset, a repetition, or one with a mark of something unusual; shape (n,)."""
    resets = (conversation.column("flags") & int(Flag.RST)) != 0
    marked = (conversation.column("marks") & ~_INFORMATION) != 0
    found: NDArray[np.bool_] = (resets & conversation.is_tcp) | repeats | marked
    return found


def foldable(conversation: Conversation) -> NDArray[np.bool_]:
    """For each packet: plain data or a plain acknowledgment, which changes no state and is as usual; shape (n,).

    Without TCP a packet is plain if there are many of them: a question and its answer are worth a line each.
    """
    count = len(conversation.packets)
    if not conversation.is_tcp and count < MANY:
        return np.zeros(count, np.bool_)
    marks, flags = conversation.column("marks"), conversation.column("flags")
    plain: NDArray[np.bool_] = ((marks & ~_INFORMATION) == 0) & ((flags & _CONTROL) == 0)
    if count:
        states = conversation.column("states")
        plain[0] = False
        plain[1:] &= states[1:] == states[:-1]
    return plain


class Folding:
    """The lines of a connection: each stands for one packet, or for several that are folded.

    `starts` holds the position (among the connection's packets) that each line begins with, `folded` says which lines
    are folds; both (m,). `identities` are the first packet rows of all folds, open or closed, (k,). Of each run of
    `plain` packets the first `shown` stand alone, and the rest folds if it is `least` or more.
    """

    def __init__(
        self,
        plain: NDArray[np.bool_],
        packets: NDArray[np.int64],
        unfolded: frozenset[int],
        *,
        shown: int = SHOWN,
        least: int = LEAST,
    ) -> None:
        count = len(plain)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], plain, [False]))))
        first, end = edges[::2] + shown, edges[1::2]
        worth = end - first >= least
        self._first, self._end = first[worth], end[worth]
        self.identities = packets[self._first]
        closed = ~np.isin(self.identities, np.fromiter(unfolded, np.int64, len(unfolded)))
        first, end = self._first[closed], self._end[closed]
        inside = np.zeros(count + 1, np.int8)
        inside[first + 1] += 1
        inside[end] -= 1
        self.starts = np.flatnonzero(np.cumsum(inside[:count], dtype=np.int8) == 0)
        self.folded = np.zeros(len(self.starts), np.bool_)
        self.folded[np.searchsorted(self.starts, first)] = True
        self._count = count

    def __len__(self) -> int:
        return len(self.starts)

    def end(self, line: int) -> int:
        """The position after the last packet of a line."""
        return int(self.starts[line + 1]) if line + 1 < len(self.starts) else self._count

    def line_of(self, position: int) -> int:
        """The line that shows or folds the packet at a position."""
        return max(int(np.searchsorted(self.starts, position, side="right")) - 1, 0)

    def identity(self, line: int) -> int | None:
        """First packet row of the fold, open or closed, that a line belongs to; None for a line outside folds."""
        position = int(self.starts[line])
        run = int(np.searchsorted(self._first, position, side="right")) - 1
        return int(self.identities[run]) if run >= 0 and position < self._end[run] else None
