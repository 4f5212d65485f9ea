"""Lanes of machines side by side: where they stand at a width, their names, and one packet's arrows between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from views.arrows import arrow, label_room, shaft
from views.durations import shorten_middle
from views.labels import fit_label
from views.text import Span, cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from views.glyphs import Glyphs
    from views.labels import Label
    from views.text import Line

LEAST: Final = 14
"""Cells from one lifeline to the next, at least: fewer leave no room for what an arrow says."""
MOST: Final = 60
"""And at most: eyes lose longer arrows."""
EDGE: Final = 2
"""Cells outside the first and the last lifeline."""
NEARLY: Final = 2
"""So much shorter than the longest, an arrow is as good a place for words: they stand beside the sender."""
BEHIND: Final = 5
"""Cells right of the last lifeline where more are behind the edge: for an arrow's beginning with its head."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """Lifelines `first` to `last` (places among all `count` lanes) are on screen, in these columns."""

    count: int
    first: int
    columns: tuple[int, ...]
    left: int
    width: int

    @property
    def last(self) -> int:
        """The last one on screen."""
        return self.first + len(self.columns) - 1

    def column(self, place: int) -> int:
        """The column of a lane; of one that is not on screen, the edge that it is behind."""
        if place < self.first:
            return self.left - 1
        return self.columns[place - self.first] if place <= self.last else self.width


def fitting(count: int, left: int, width: int) -> int:
    """How many lanes have room right of `left` cells."""
    return min(count, max((width - left - 2 * EDGE - 1) // LEAST + 1, 2))


def lanes(count: int, first: int, left: int, width: int) -> Lanes:
    """Where lanes stand; no lane is cut: those that have no room are behind an edge."""
    shown = fitting(count, left, width)
    first = min(max(first, 0), count - shown)
    right = EDGE if first + shown >= count else BEHIND
    room = max(width - left - EDGE - right - 1, shown)
    step = min(room / max(shown - 1, 1), MOST)
    columns = tuple(left + EDGE + round(place * step) for place in range(shown))
    return Lanes(count, first, columns, left, width)


class Canvas:
    """One line that is written cell by cell."""

    def __init__(self, width: int) -> None:
        self._cells = [" "] * width
        self._roles = [""] * width

    def put(self, column: int, text: str, role: str) -> None:
        """Write a text from a column on; what has no room is left out. A wide character takes two cells."""
        for character in text:
            size = cells(character)
            if size == 0:
                continue
            if column >= 0 and column + size <= len(self._cells):
                self._cells[column] = character
                self._roles[column] = role
                if size == 2:
                    self._cells[column + 1] = ""
                    self._roles[column + 1] = role
            column += size

    def line(self) -> Line:
        """The line with its roles."""
        both = groupby(zip(self._cells, self._roles, strict=True), key=lambda each: each[1])
        return tuple(Span("".join(text for text, _ in some), role) for role, some in both)


@dataclass(frozen=True, slots=True)
class Arrow:
    """What is to be drawn of a packet: the places of the lanes on its way, what it says, its kind and its payload."""

    path: tuple[int, ...]
    label: Label
    what: str  # views.labels.kind
    payload: int
    role: str
    lost: bool = False


def draw_lifelines(canvas: Canvas, where: Lanes, signs: Glyphs) -> None:
    """The lifelines alone."""
    for column in where.columns:
        canvas.put(column, signs.lifeline, "lifeline")


def draw_arrow(canvas: Canvas, where: Lanes, drawn: Arrow, signs: Glyphs) -> None:
    """One arrow for each hop; the first of the longest ones says what the packet is. What was lost ends on its way."""
    hops = [hop for hop in pairwise(drawn.path) if hop[0] != hop[1]]
    spans = [abs(where.column(other) - where.column(one)) - 1 for one, other in hops]
    line = shaft(drawn.what, drawn.payload, signs)
    speaking = next((place for place, span in enumerate(spans) if span >= max(spans) - NEARLY), -1)
    for place, ((one, other), span) in enumerate(zip(hops, spans, strict=True)):
        if span < 1:
            continue
        to_right = other > one
        last = place == len(hops) - 1
        gone = drawn.lost and last
        head = signs.reset if drawn.what == "rst" and last else signs.head_right if to_right else signs.head_left
        head = " " if gone else head  # as in the ladder of a connection: it does not arrive
        begin = min(where.column(one), where.column(other)) + 1
        reach = max(span * 2 // 3, 2) if gone else span
        text = fit_label(drawn.label, label_room(reach), signs.ellipsis) if place == speaking else ""
        begin += 0 if to_right else span - reach
        canvas.put(begin, arrow(text, reach, to_right=to_right, line=line, head=head), drawn.role)


def draw_names(where: Lanes, names: Sequence[str], role: str, signs: Glyphs) -> Canvas:
    """A name over each lifeline, in the middle where there is room; what has none becomes shorter in its own middle."""
    canvas = Canvas(where.width)
    step = min((other - one for one, other in pairwise(where.columns)), default=where.width - where.left)
    taken, end = where.left - 2, where.width - (BEHIND - 1 if where.last < where.count - 1 else 0)
    for place in range(where.first, where.last + 1):
        column = where.column(place)
        room = min(step - 1, end - taken - 2)
        name = shorten_middle(names[place], max(room, 1), signs.ellipsis)
        start = max(min(column - cells(name) // 2, end - cells(name)), taken + 2)
        canvas.put(start, name, role)
        taken = start + cells(name) - 1
    return canvas


def draw_hidden(canvas: Canvas, where: Lanes, signs: Glyphs) -> None:
    """At each edge, how many lanes are behind it."""
    before, after = where.first, where.count - 1 - where.last
    if before:
        canvas.put(where.left - 3, f"{signs.left}{before}", "key")
    if after:
        more = f" {after}{signs.right}"
        canvas.put(where.width - len(more), more, "key")
