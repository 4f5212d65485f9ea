"""A ladder with a lane for each machine, over all connections that belong together: a proxy's two sides in one picture.

One line a packet, from its sender's lane to its receiver's, over the machines that handed it on where the capture
shows them; plain data and acknowledgments fold. Lanes stand in the order of the way that a request takes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.passing import Fate, fates
from views.arrows import NARROW, arrow_role, time_title
from views.conversation import Conversation
from views.durations import TIME_WIDTH, duration, moment, size
from views.folding import Folding, foldable, repeated
from views.glyphs import glyphs
from views.labels import Label, carried_words, kind, label
from views.machines_picture import (
    EDGE,
    LEAST,
    Arrow,
    Canvas,
    draw_arrow,
    draw_hidden,
    draw_lifelines,
    draw_names,
    fitting,
    lanes,
)
from views.moment import number
from views.text import SELECTED, Span, cells, cut, safe, unambiguous, with_modifier
from views.wording import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.machines_together import Step, Together
    from analysis.snapshot import Snapshot
    from views.machines_picture import Lanes
    from views.options import Options
    from views.text import Line

KEPT: Final = 2
"""Packets of a run of plain ones that are shown before the rest of it folds."""


class MachineLadder:
    """Lines of one story. `cursor` is the line that is selected, `first_lane` the leftmost lane on screen."""

    def __init__(
        self, snapshot: Snapshot, story: Together, options: Options, unfolded: frozenset[int] = frozenset()
    ) -> None:
        self.story = story
        self.options = options
        self.cursor = -1
        self.first_lane = 0
        self.snapshot = snapshot
        self.unfolded = unfolded
        self._signs = glyphs(ascii_only=options.ascii)
        self._talks = {row: Conversation(snapshot, row, packets) for row, packets in story.rows.items()}
        self._repeated = {row: self._marked(talk, repeated(talk)) for row, talk in self._talks.items()}
        self._fates = {row: self._fated(talk) for row, talk in self._talks.items()}
        self._packets = np.array([step.packets[0] for step in story.steps], np.int64)
        plain = {row: self._marked(talk, foldable(talk)) for row, talk in self._talks.items()}
        folds = np.array(
            [
                all(
                    packet in plain[row] and packet not in self._fates[row]
                    for row, packet in zip(step.connections, step.packets, strict=True)
                )
                for step in story.steps
            ],
            np.bool_,
        )
        self._folding = Folding(folds, self._packets, unfolded, shown=KEPT)
        self._places = {node: place for place, node in enumerate(story.lanes)}
        self._step_of = {packet: place for place, step in enumerate(story.steps) for packet in step.packets}
        self._numbers = [self._number(step) for step in story.steps]
        self._number_width = max((cells(text) for text in self._numbers), default=2)

    @staticmethod
    def _marked(talk: Conversation, marked: NDArray[np.bool_]) -> frozenset[int]:
        return frozenset(talk.packets[marked].tolist())

    @staticmethod
    def _fated(talk: Conversation) -> dict[int, Fate]:
        """The packets that were lost, or made on the way."""
        found = fates(talk.snapshot, talk.packets)
        at = np.flatnonzero(found)
        return {int(talk.packets[place]): Fate(int(found[place])) for place in at.tolist()}

    def _number(self, step: Step) -> str:
        return "#" + ",".join(map(str, sorted(step.connections)))

    def __len__(self) -> int:
        return len(self._folding) + (not self.story.whole)

    # which packet is where

    def packet_at(self, index: int) -> int | None:
        """The first packet of a line, as a row; None outside."""
        return int(self._packets[self._folding.starts[index]]) if 0 <= index < len(self._folding) else None

    def index_of(self, packet: int) -> int | None:
        """The line that shows or folds a packet; None if no line does."""
        place = self._step_of.get(packet)
        return None if place is None else self._folding.line_of(place)

    def fold_at(self, index: int) -> int | None:
        """Identity of the fold at a line, also on the lines of one that is open."""
        return self._folding.identity(index) if 0 <= index < len(self._folding) else None

    @property
    def last_packet(self) -> int | None:
        """The newest packet that it shows, as a row; None where it shows none."""
        return max(self._step_of, default=None)

    @property
    def folds(self) -> frozenset[int]:
        """Identities of all folds, open or closed."""
        return frozenset(self._folding.identities.tolist())

    @property
    def least_width(self) -> int:
        """Cells that all lanes need."""
        return self._left(NARROW) + 2 * EDGE + 1 + LEAST * (len(self.story.lanes) - 1)

    # drawing

    def _left(self, width: int) -> int:
        """Cells before the lanes: the mark, the time where there is room, the connection's number."""
        time = TIME_WIDTH[self.options.time] + 1 if width >= NARROW else 0
        return 1 + time + self._number_width + 1

    def _lanes(self, width: int) -> Lanes:
        return lanes(len(self.story.lanes), self.first_lane, self._left(width), width)

    def sideways(self, by: int, width: int) -> bool:
        """Move by whole lanes; whether that changed anything."""
        most = len(self.story.lanes) - fitting(len(self.story.lanes), self._left(width), width)
        before, self.first_lane = self.first_lane, min(max(self.first_lane + by, 0), most)
        return self.first_lane != before

    def head(self, width: int) -> tuple[Line, ...]:
        """The machines' names, and under them their addresses where those say something else."""
        where, ways = self._lanes(width), self.story.ways
        names = [self._safe(ways.name(node)) for node in self.story.lanes]
        canvas = draw_names(where, names, "head", self._signs)
        draw_hidden(canvas, where, self._signs)
        if width >= NARROW:
            canvas.put(1, cut(time_title(self.options.time, self._signs), TIME_WIDTH[self.options.time]), "dim")
        told = [_addresses(ways.addresses(node), name) for node, name in zip(self.story.lanes, names, strict=True)]
        return (canvas.line(), draw_names(where, told, "dim", self._signs).line()) if any(told) else (canvas.line(),)

    def _safe(self, name: str) -> str:
        return unambiguous(safe(name)) if self.options.ascii else safe(name)

    def draw(self, index: int, width: int) -> Line:
        """One line of exactly `width` cells."""
        if not 0 <= index < len(self._folding):
            return self._rest(width)
        begin, end = int(self._folding.starts[index]), self._folding.end(index)
        selected = index == self.cursor
        drawn = self._fold(begin, end, width) if self._folding.folded[index] else self._step(begin, width)
        if selected:
            drawn.put(0, self._signs.mark, "selection")
        line = drawn.line()
        return with_modifier(line, SELECTED) if selected else line

    def _margin(self, place: int, width: int) -> Canvas:
        """The time and the connection's number."""
        canvas = Canvas(width)
        at = 1
        if width >= NARROW:
            room = TIME_WIDTH[self.options.time]
            canvas.put(at, cut(self._time(place), room).rjust(room), "time")
            at += room + 1
        canvas.put(at, self._numbers[place], "dim")
        return canvas

    def _time(self, place: int) -> str:
        times = self.snapshot.packets.time_ns
        before = int(times[self._packets[place - 1]]) if place else None
        return moment(
            int(times[self._packets[place]]), before, int(times[0]), self.options.time, micro=self._signs.micro
        )

    def _step(self, place: int, width: int) -> Canvas:
        step = self.story.steps[place]
        packet = step.packets[0]
        talk = self._talks[step.connections[0]]
        again = packet in self._repeated[talk.row]
        where = list(zip(step.connections, step.packets, strict=True))
        detail = self.story.details.get(packet)
        fate = next((self._fates[row][each] for row, each in where if each in self._fates[row]), Fate.ARRIVED)
        shown = label(talk, packet, detail, self.options, repeated=again, fate=fate)
        if detail is not None and talk.is_tcp and (words := carried_words(talk, detail, self.options)):
            # What is said counts for more here than how: each lane is narrow.
            marks = [each for each in shown.numbers if each[1].startswith("[")]
            shown = Label(words, ((1, size(talk.payload(packet))), *marks))
        if step.lost and not talk.is_tcp:
            shown = shown._replace(numbers=((2, _("[lost]")), *shown.numbers))
        canvas, across = self._margin(place, width), self._lanes(width)
        draw_lifelines(canvas, across, self._signs)
        drawn = Arrow(
            tuple(self._places[node] for node in step.path),
            shown,
            kind(talk, packet, repeated=again),
            talk.payload(packet),
            "bad" if step.lost else arrow_role(talk, packet, self.options.colour, repeated=again),
            step.lost,
        )
        draw_arrow(canvas, across, drawn, self._signs)
        return canvas

    def _fold(self, begin: int, end: int, width: int) -> Canvas:
        """A run of plain packets: how many, their payload, the time since the packet before them."""
        packets, times = self._packets[begin:end], self.snapshot.packets.time_ns
        passed = int(times[packets[-1]]) - int(times[self._packets[max(begin - 1, 0)]])
        payload = int(self.snapshot.packets.payload_length[packets].sum(dtype=np.int64))
        number = end - begin
        if any(self._talks[step.connections[0]].is_tcp for step in self.story.steps[begin:end]):
            what = ngettext("{number} more data/ACK packet", "{number} more data/ACK packets", number)
        else:
            what = ngettext("{number} more packet", "{number} more packets", number)
        told = (what.format(number=number), size(payload), duration(passed, micro=self._signs.micro))
        canvas = Canvas(width)
        left = self._left(width)
        words = f"{self._signs.fold} {', '.join(told)}"
        canvas.put(left, words, "fold")
        canvas.put(left + cells(words) + 2, _("[Enter unfolds]"), "key")
        return canvas

    def _rest(self, width: int) -> Line:
        canvas = Canvas(width)
        canvas.put(self._left(width), _("There is more than is shown here."), "dim")
        return canvas.line()

    @property
    def title(self) -> Line:
        """What this is, for the line above."""
        numbers = sorted(self.story.connections)
        what = ngettext("connection {numbers}", "connections {numbers}", len(numbers))
        told = what.format(numbers=_runs(numbers))
        return (Span(_("machines"), "title"), Span(f"  {told}, {_('deduced')}{self._extent()}", "dim"))

    def _extent(self) -> str:
        """Which packets of the capture it shows, if these are not all, or more may come."""
        part, until = self.story.part, self.story.until
        if part is not None:
            return _(", of packets {first} to {last}").format(first=number(part.start), last=number(part.stop - 1))
        return "" if self.snapshot.finished else _(", up to packet {last}").format(last=number(until - 1))


def _runs(numbers: Sequence[int]) -> str:
    """Ascending numbers, those that follow one another as `3-9`."""
    edges = [0, *(at for at in range(1, len(numbers)) if numbers[at] != numbers[at - 1] + 1), len(numbers)]
    runs = [numbers[begin:end] for begin, end in pairwise(edges)]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _addresses(known: tuple[str, ...], name: str) -> str:
    """A machine's first two addresses; nothing that its name tells already."""
    told = [each for each in known if each != name and not name.startswith((f"{each}:", f"[{each}]:"))]
    return " ".join(told[:2]) if told else ""
