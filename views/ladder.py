"""The ladder of one connection: two lifelines, an arrow for each packet, both ends' states outside.

The client is always at the left. A state is written on the line whose packet changes it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.passing import Fate, Passages
from views.arrows import NARROW, lane_names, layout
from views.conversation import Conversation
from views.folding import Folding, foldable, repeated, troubles
from views.glyphs import glyphs
from views.ladder_rows import Row, draw_earlier, draw_fold, draw_opening, draw_packet, fold_words, narrow_head
from views.text import LATER, SELECTED, fit, with_modifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.details import Detail
    from analysis.gathered import Gathered
    from analysis.snapshot import Snapshot
    from views.options import Options
    from views.text import Line

KEPT_DETAILS: Final = 4096
"""Details kept for drawing, at up to half a kilobyte each."""


class Ladder:
    """Lines of one connection. `packets` are all that it has in the snapshot, or those around the selected one.

    `cursor` is the packet row at the play head: its line is selected, later lines are dimmed. Draws without details
    too (flags and sizes), so that nothing ever waits. Where a filter matches single packets, `matched` says which of
    all packets of the capture those are, and the others are folded.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        packets: Gathered,
        options: Options,
        unfolded: frozenset[int] = frozenset(),
        matched: NDArray[np.bool_] | None = None,
    ) -> None:
        self.conversation = Conversation(snapshot, packets.connection, packets.rows, packets)
        self.options = options
        self.cursor = int(self.packets[0]) if len(self.packets) else 0
        self._glyphs = glyphs(ascii_only=options.ascii)
        self._details: OrderedDict[int, Detail] = OrderedDict()
        self._repeated = repeated(self.conversation)
        self.passages = Passages(snapshot, self.packets)
        self._fates = self.passages.fates()
        self._troubles = self.packets[troubles(self.conversation, self._repeated) | (self._fates != 0)]
        self._filtered = matched is not None
        if matched is None:
            self._folding = Folding(foldable(self.conversation) & (self._fates == 0), self.packets, unfolded)
        else:
            self._folding = Folding(~matched[self.packets], self.packets, unfolded, shown=0, least=1)
        self._opening = 1 if (self.conversation.is_tcp or packets.earlier) and len(self.packets) else 0
        heights = np.where(self._folding.folded, 1, 2 if options.two_rows else 1)
        self._offsets = np.concatenate(([0], np.cumsum(heights, dtype=np.int64)))

    @property
    def packets(self) -> NDArray[np.int64]:
        """Rows of the connection's packets, ascending."""
        return self.conversation.packets

    @property
    def details(self) -> Mapping[int, Detail]:
        """The details at hand, by packet row: to be handed on to the ladder that replaces this one."""
        return self._details

    def __len__(self) -> int:
        return self._opening + int(self._offsets[-1])

    def _line(self, index: int) -> tuple[int, int] | None:
        """The folding's line at an index and which of its rows; None for the opening line and outside."""
        at = index - self._opening
        if not 0 <= at < int(self._offsets[-1]):
            return None
        line = int(np.searchsorted(self._offsets, at, side="right")) - 1
        return line, at - int(self._offsets[line])

    def packet_at(self, index: int) -> int | None:
        """The (first) packet of a line; None for the opening line."""
        found = self._line(index)
        return None if found is None else int(self.packets[self._folding.starts[found[0]]])

    def index_of(self, packet: int) -> int:
        """The line that shows or folds a packet; of one that is not here, the packet before it."""
        if not len(self.packets):
            return 0
        line = self._folding.line_of(self.conversation.index(packet))
        return self._opening + int(self._offsets[line])

    def fold_at(self, index: int) -> int | None:
        """Identity of the fold at a line (its first packet's row), also on the lines of one that is open."""
        found = self._line(index)
        return None if found is None else self._folding.identity(found[0])

    @property
    def folds(self) -> frozenset[int]:
        """Identities of all folds, open or closed."""
        return frozenset(self._folding.identities.tolist())

    def step(self, packet: int, by: int) -> int:
        """The packet `by` steps after (before, if negative) in this connection, staying inside it."""
        if not len(self.packets):
            return packet
        at = self.conversation.index(packet) + by
        return int(self.packets[min(max(at, 0), len(self.packets) - 1)])

    def trouble(self, packet: int, by: int, also: Sequence[int] = ()) -> int | None:
        """The next (`by` > 0) or previous reset, repetition, marked packet, or one of `also`; None if there is none."""
        troubles = np.union1d(self._troubles, also).astype(np.int64) if also else self._troubles
        if by > 0:
            at = int(np.searchsorted(troubles, packet, side="right")) + by - 1
        else:
            at = int(np.searchsorted(troubles, packet, side="left")) + by
        return int(troubles[at]) if 0 <= at < len(troubles) else None

    def missing(self, first: int, last: int) -> NDArray[np.int64]:
        """Packets shown on lines `first` to `last` (both included) whose details are not there yet, ascending."""
        rows = set()
        for index in range(max(first, 0), min(last, len(self) - 1) + 1):
            found = self._line(index)
            if found is not None and not self._folding.folded[found[0]]:
                rows.add(int(self.packets[self._folding.starts[found[0]]]))
        return np.array(sorted(rows - self._details.keys()), np.int64)

    def supply(self, details: Iterable[Detail]) -> None:
        """Take details; only the newest few thousand are kept."""
        for detail in details:
            self._details[detail.packet] = detail
            self._details.move_to_end(detail.packet)
        while len(self._details) > KEPT_DETAILS:
            self._details.popitem(last=False)

    def head(self, width: int) -> tuple[Line, ...]:
        """The lane names."""
        if not len(self.packets):
            return ()
        if width < NARROW:
            return (narrow_head(self.conversation, width, self._glyphs),)
        columns = layout(width, self.options.time, states=self.conversation.is_tcp)
        return (lane_names(self.conversation, columns.left, width, self.options),)

    def draw(self, index: int, width: int) -> Line:
        """One line of exactly `width` cells."""
        found = self._line(index)
        if found is None:
            known = index == 0 and self._opening
            if known and self.conversation.before is not None:
                return draw_earlier(self.conversation, width, self.options)
            return draw_opening(self.conversation, width, self.options) if known else fit((), width)
        line, part = found
        start, end = int(self._folding.starts[line]), self._folding.end(line)
        packet = int(self.packets[start])
        selected = packet <= self.cursor <= int(self.packets[end - 1])
        if self._folding.folded[line]:
            size = int(self.conversation.column("payload_length")[start:end].sum(dtype=np.int64))
            words = fold_words(self.conversation, (start, end), size, self._glyphs.micro, filtered=self._filtered)
            drawn = draw_fold(self.conversation, words, width, self.options, selected=selected)
        else:
            row = Row(
                start,
                part,
                self._details.get(packet),
                bool(self._repeated[start]),
                Fate(int(self._fates[start])),
                selected,
            )
            drawn = draw_packet(self.conversation, row, width, self.options)
        if selected:
            return with_modifier(drawn, SELECTED)
        return with_modifier(drawn, LATER) if packet > self.cursor else drawn
