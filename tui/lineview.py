"""The one widget behind every panel: it draws any `Lines`, only those on screen, whatever their number.

It overrides `render_lines`, the one semi-internal seam of Textual (stock tables stop at some ten thousand rows).
Strips are cached with their terminal codes; a moved cursor repaints two lines. What moves the cursor and the page:
`tui.scrolling`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.filter import ANSIToTruecolor
from textual.strip import Strip

from tui.painting import Brush
from tui.scrolling import Scrolling
from views.text import Span

if TYPE_CHECKING:
    from rich.segment import Segment
    from textual.geometry import Region

    from views.text import Line, Lines

CACHE: Final = 512
"""Strips kept: they form reference cycles, and more of them make the garbage collector's pauses visible."""


class LineView(Scrolling):
    """Lines with a title, lines that stay on top, and a scrollbar."""

    def __init__(self, *, id: str, ascii: bool = False) -> None:  # noqa: A002 - Textual's and the option's names
        super().__init__(id=id)
        self.ascii = ascii
        self.lines: Lines | None = None
        self.title: Line | None = None
        self.aside = ""  # said at the right end of the title line, if there is room
        self.edge = ""  # a sign at the left that divides this pane from the one beside it: │ or |
        self.joint = ""  # the same beside the title
        self._strips: dict[tuple[int, bool, bool], Strip] = {}
        self._head: list[Strip] | None = None
        self._last_page = 0  # before the present size

    # what is shown

    def show(self, lines: Lines | None, *, cursor: int | None = None) -> None:
        """Show other lines, or newer ones of the same: the cursor's line stays where it is on the screen."""
        old_offset = self.cursor - self.top
        was_visible = 0 <= old_offset < max(1, self.page)
        self.lines = lines
        if self.follow:
            self.cursor = self.total - 1
        elif cursor is not None:
            self.cursor = cursor
        self.cursor = min(max(self.cursor, 0), max(self.total - 1, 0))
        if was_visible and self.CURSOR:
            self.top = self.cursor - old_offset
        self._clear()
        self.scroll_lines_to(self.top)
        if was_visible and self.CURSOR:
            self.reveal()
        self.refresh()
        self.page_changed()

    def show_title(self, title: Line | None) -> None:
        """The rule line above; None leaves it out."""
        if title != self.title:
            self.title = title
            self.redraw()

    def redraw(self) -> None:
        """The same lines say something else now."""
        self._clear()
        self.scroll_lines_to(self.top)
        self.refresh()

    @property
    def total(self) -> int:
        """How many lines there are."""
        return len(self.lines) if self.lines is not None else 0

    @property
    def head_height(self) -> int:
        """The title and the lines that stay on top."""
        return len(self._head_strips())

    @property
    def margin(self) -> int:
        """The dividing line."""
        return int(bool(self.edge) and self.size.width > 2)

    # drawing

    def drawn(self, index: int, width: int) -> Line:
        """One line as the view draws it."""
        assert self.lines is not None
        return self.lines.draw(index, width)

    def _clear(self) -> None:
        self._strips.clear()
        self._head = None

    def notify_style_update(self) -> None:
        """Styles are in the strips: another theme needs others."""
        super().notify_style_update()
        self._clear()

    def on_resize(self) -> None:
        """Strips are as wide as the widget was; the cursor stays on screen."""
        visible = self.top <= self.cursor < self.top + max(1, self._last_page)
        self.left = max(0, min(self.left, self.WIDE - self.inner))
        self._clear()
        self._last_page = self.page
        self.scroll_lines_to(self.top)
        if visible and self.CURSOR:
            self.reveal()
        self.page_changed()

    def on_focus(self) -> None:
        """The title and the cursor line tell where keys go."""
        self.redraw()

    def on_blur(self) -> None:
        """See `on_focus`."""
        self.redraw()

    @property
    def _brush(self) -> Brush:
        return Brush(self.app.theme, self.ascii, self.has_focus)

    def _edge_segments(self) -> list[Segment]:
        return self._brush.segments((Span(self.edge, "rule"),), 1) if self.margin else []

    def _head_strips(self) -> list[Strip]:
        if self._head is None:
            brush, width, edge = self._brush, self.size.width, self._edge_segments()
            strips = []
            if self.title:
                joint = brush.segments((Span(self.joint, "rule"),), 1) if edge else []
                strips.append(Strip([*joint, *brush.titled(self.title, self.aside, width - len(edge))], width))
            if self.lines is not None and width:
                blank = brush.segments((), 1)
                heads = self.lines.head(self._drawn_width())
                strips += [Strip([*edge, *self._line(line), *blank], width) for line in heads]
            self._head = strips[: self.size.height]
        return self._head

    def _drawn_width(self) -> int:
        return self.inner + self.left

    def _line(self, line: Line) -> list[Segment]:
        """Segments of exactly `inner` cells."""
        segments = self._brush.segments(line, self._drawn_width())
        if not self.left:
            return segments
        return list(Strip(segments, self._drawn_width()).crop(self.left, self.left + self.inner))

    def _strip(self, index: int, bar: bool) -> Strip:
        at_cursor = self.CURSOR and index == self.cursor
        key = (index, bar, at_cursor)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= CACHE:
                self._strips.clear()
            segments = self._line(self.drawn(index, self._drawn_width()))
            if at_cursor:
                segments = self._brush.marked(segments)
            strip = Strip([*self._edge_segments(), *segments, *self._bar(bar)], self.size.width)
            self._strips[key] = strip
        return strip

    def _bar(self, thumb: bool) -> list[Segment]:
        if self.total <= self.page:
            return self._brush.segments((), 1)
        return self._brush.sign("┃", "#", "dim") if thumb else self._brush.sign("│", "|", "rule")

    def render_line(self, y: int) -> Strip:
        """One line of the widget; mouse events ask for it too."""
        head = self._head_strips()
        if y < len(head):
            return head[y]
        index = self.top + y - len(head)
        if index >= self.total:
            return Strip([*self._edge_segments(), *self._brush.segments((), self.inner + 1)], self.size.width)
        thumb = self.scrollbar.thumb
        return self._strip(index, y - len(head) in thumb)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a region, each exactly as wide as it."""
        strips = [self.render_line(y) for y in range(crop.y, crop.bottom)]
        for line_filter in self.get_line_filters():
            if not isinstance(
                line_filter, ANSIToTruecolor
            ):  # the styles are final: a theme's colours or the terminal's
                strips = [strip.apply_filter(line_filter, self.background_colors[1]) for strip in strips]
        if crop.x or crop.width != self.size.width:
            strips = [strip.crop(crop.x, crop.right) for strip in strips]
        return strips
