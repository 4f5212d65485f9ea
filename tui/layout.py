"""Which panes stand where at which size: a pure function from a size and wishes to regions, and its Textual layout.

The ladder is the home screen and never goes. Height decides the panes: under 30 rows the layers and the time are
one-line strips, from 30 there is room for the explanation, from 45 for everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Mapping


class Pane(StrEnum):
    """The widgets' ids."""

    STATUS = "status"
    CONNECTIONS = "connections"
    LADDER = "ladder"
    MACHINES = "machines"
    LAYERS = "layers"
    BYTES = "bytes"
    EXPLANATION = "explanation"
    LAYERS_STRIP = "layers-strip"
    TIME_STRIP = "time-strip"
    TIMELINE = "timeline"
    NOTICE = "notice"
    KEYS = "keys"


class Explain(StrEnum):
    """How much explanation (`e`)."""

    SHORT = "short"
    FULL = "full"
    OFF = "off"

    @property
    def next(self) -> Explain:
        """The one after this, round and round."""
        order = tuple(Explain)
        return order[(order.index(self) + 1) % len(order)]


SIDE_WIDTH: Final = 116  # from here on the layers stand beside the ladder
LEFT_WIDTH: Final = 150  # from here on the connections do too
MIDDLE_HEIGHT: Final = 30
FULL_HEIGHT: Final = 45
LISTED_HEIGHT: Final = 24  # rows between the lines at the top and the bottom for a list above a ladder


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for; None where the size may decide."""

    connections: bool | None = None
    bytes: bool | None = None
    layers: bool = False  # the layers were asked for where they have no place of their own
    explain: Explain = Explain.SHORT
    maximised: Pane | None = None
    many: bool = True  # more than one connection: a list is worth its room
    lanes: int = 1  # connections in the timeline
    notice: int = 0  # lines that have to be said
    machines: bool = False  # the ladder of machines stands in the place of the connection's


def arrange(width: int, height: int, wishes: Wishes) -> dict[Pane, Region]:
    """Region of every pane that is shown: they cover the screen and do not overlap."""
    panes = _arranged(width, height, wishes)
    if wishes.machines and Pane.LADDER in panes:
        panes[Pane.MACHINES] = panes.pop(Pane.LADDER)
    return panes


def _arranged(width: int, height: int, wishes: Wishes) -> dict[Pane, Region]:
    """The same with the ladder of a connection."""
    panes: dict[Pane, Region] = {}
    body = Region(0, 0, width, height)
    if width <= 0 or height <= 0:
        return panes
    if height >= 4:
        panes[Pane.STATUS], body = _top(body, 1)
    if height >= 8:
        body, panes[Pane.KEYS] = _bottom(body, 1)
    if wishes.notice and height >= 5:
        body, panes[Pane.NOTICE] = _bottom(body, min(wishes.notice, height // 5))
    if wishes.maximised is not None:
        panes[wishes.maximised] = body
        return panes
    body = _place_below(panes, body, width, height, wishes)
    _place_body(panes, body, wishes)
    return panes


def _place_below(panes: dict[Pane, Region], body: Region, width: int, height: int, wishes: Wishes) -> Region:
    """The panes under the ladder, lowest first; what is left is for the ladder and its neighbours."""
    beside = width >= SIDE_WIDTH and height >= MIDDLE_HEIGHT
    if height >= FULL_HEIGHT and wishes.many:
        body, panes[Pane.TIMELINE] = _bottom(body, 3 + min(max(wishes.lanes, 1), 7))
    elif height >= 20:
        body, panes[Pane.TIME_STRIP] = _bottom(body, 2)
    lower = None if beside else Pane.BYTES if wishes.bytes else Pane.LAYERS if wishes.layers else None
    if lower is not None and height >= 12:
        panes.pop(Pane.TIME_STRIP, None)
        body = body if Pane.TIMELINE in panes else Region(0, body.y, width, _end(panes, height) - body.y)
        body, panes[lower] = _bottom(body, max(4, body.height // 2))
        return body
    if not beside and height >= 18:
        body, panes[Pane.LAYERS_STRIP] = _bottom(body, 1)
    rows = _explanation_rows(height, wishes.explain)
    if rows:
        body, panes[Pane.EXPLANATION] = _bottom(body, rows)
    return body


def _end(panes: Mapping[Pane, Region], height: int) -> int:
    """The first row that the lines at the bottom take."""
    return min((panes[pane].y for pane in (Pane.KEYS, Pane.NOTICE) if pane in panes), default=height)


def _explanation_rows(height: int, explain: Explain) -> int:
    """Rows of the explanation with its title."""
    if explain is Explain.OFF or height < 14:
        return 0
    if explain is Explain.FULL:
        return max(6, height // 3)
    return 5 if height < MIDDLE_HEIGHT else 7 if height < FULL_HEIGHT else 9


def _place_body(panes: dict[Pane, Region], body: Region, wishes: Wishes) -> None:
    wide, tall = body.width, body.height
    lower = Pane.LAYERS in panes or Pane.BYTES in panes
    listed = wishes.many if wishes.connections is None else wishes.connections
    if listed and wide >= LEFT_WIDTH and tall >= 12:
        left = max(34, wide // 4)
        panes[Pane.CONNECTIONS], body = body.split_vertical(left)
    elif wishes.connections:
        # What the list leaves free shows the connection that is open.
        rows = min(wishes.lanes + 2, tall // 2) if tall >= LISTED_HEIGHT else tall
        panes[Pane.CONNECTIONS], body = body.split_horizontal(rows)
        if not body.height:
            return
    if body.width >= SIDE_WIDTH and body.height >= 12 and not lower:
        body, right = body.split_vertical(body.width - _side_width(body.width))
        _place_right(panes, right, wishes)
    panes[Pane.LADDER] = body


def _side_width(width: int) -> int:
    """Cells for the layers beside a ladder: it needs 82; sixteen bytes a row need 78, the longest headers 120."""
    return min(max(42, width - 82), max(78, min(width - 112, 120)))


def _place_right(panes: dict[Pane, Region], right: Region, wishes: Wishes) -> None:
    with_bytes = wishes.bytes if wishes.bytes is not None else right.height >= 26
    if not with_bytes:
        panes[Pane.LAYERS] = right
        return
    rows = max(6, right.height // 3)
    panes[Pane.LAYERS], panes[Pane.BYTES] = right.split_horizontal(right.height - rows)


def _top(region: Region, rows: int) -> tuple[Region, Region]:
    return region.split_horizontal(min(rows, region.height))


def _bottom(region: Region, rows: int) -> tuple[Region, Region]:
    return region.split_horizontal(max(0, region.height - rows))


class PaneLayout(Layout):
    """Places widgets by their ids where `arrange` says, by the wishes of the moment."""

    name = "panes"

    def __init__(self) -> None:
        self.wishes = Wishes()

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """See `textual.layout.Layout.arrange`."""
        del greedy
        parent.pre_layout(self)
        regions = arrange(size.width, size.height, self.wishes)
        return [
            WidgetPlacement(regions[Pane(child.id)], NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child.id in regions  # ids are strings, and so are panes
        ]


class Panes(Widget):
    """Holds all panes, each where `arrange` wants it; `wishes` are followed at the next layout."""

    def __init__(self, *panes: Widget) -> None:
        super().__init__(*panes, id="panes")
        self._panes_layout = PaneLayout()

    @property
    def layout(self) -> PaneLayout:
        """Ours: the style sheet knows only layouts by name."""
        return self._panes_layout

    def follow(self, wishes: Wishes) -> None:
        """Place the panes by these wishes."""
        if wishes != self._panes_layout.wishes:
            self._panes_layout.wishes = wishes
            self.children[0].refresh(layout=True)  # a child: Textual then forgets the arrangement of its parents
