"""The one widget behind every panel: it draws any `Lines`, only those on screen, whatever their number.

It overrides `render_lines`, the one semi-internal seam of Textual (stock tables stop at some ten thousand rows), has
its own scrollbar and never sets `virtual_size`, so growth costs no layout. Strips are cached with their terminal
codes; a moved cursor repaints two lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.bindings import bindings_of
from tui.painting import Brush
from tui.scrollbar import Scrollbar
from views.text import Span

if TYPE_CHECKING:
    from rich.segment import Segment
    from textual import events
    from textual.binding import BindingType

    from views.text import Line, Lines

CACHE: Final = 512
"""Strips kept: they form reference cycles, and more of them make the garbage collector's pauses visible."""
WHEEL: Final = 3
SIDEWAYS: Final = 8


class OfLine(Message):
    """Something about a line of a view."""

    def __init__(self, view: LineView, index: int) -> None:
        super().__init__()
        self.view, self.index = view, index

    @property
    def control(self) -> LineView:
        """The view, for handlers that name it."""
        return self.view


class LineView(Widget, can_focus=True):
    """Lines with a title, lines that stay on top, a cursor, a scrollbar, keys and the mouse."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("lines")
    CURSOR: ClassVar[bool] = True  # False: keys scroll, no line is selected
    WIDE: ClassVar[int] = 160  # cells that can be reached by moving the view sideways

    class Moved(OfLine):
        """The cursor went to another line."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest place matters."""
            return isinstance(message, LineView.Moved) and message.view is self.view

    class Opened(OfLine):
        """Enter or a double click on a line."""

    def __init__(self, *, id: str, ascii: bool = False) -> None:  # noqa: A002 - Textual's and the option's names
        super().__init__(id=id)
        self.ascii = ascii
        self.lines: Lines | None = None
        self.title: Line | None = None
        self.aside = ""  # said at the right end of the title line, if there is room
        self.edge = ""  # a sign at the left that divides this pane from the one beside it: │ or |
        self.joint = ""  # the same beside the title
        self.cursor = 0
        self.top = 0
        self.left = 0
        self.follow = False
        """Stay on the last line while more come; set by going to the end, ended by going up."""
        self._strips: dict[tuple[int, bool, bool], Strip] = {}
        self._head: list[Strip] | None = None
        self._last_page = 0  # before the present size
        self._grabbed: int | None = None  # where in the scrollbar's thumb the mouse holds it

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
        self._scroll_lines_to(self.top)
        if was_visible and self.CURSOR:
            self._reveal()
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
        self._scroll_lines_to(self.top)
        self.refresh()

    @property
    def total(self) -> int:
        """How many lines there are."""
        return len(self.lines) if self.lines is not None else 0

    @property
    def page(self) -> int:
        """How many lines fit below those that stay on top."""
        return max(0, self.size.height - len(self._head_strips()))

    @property
    def inner(self) -> int:
        """Cells for a line: without the dividing line and the scrollbar."""
        return max(0, self.size.width - 1 - self._edge)

    @property
    def _edge(self) -> bool:
        return bool(self.edge) and self.size.width > 2

    @property
    def visible_lines(self) -> range:
        """Indexes of the lines on screen."""
        return range(self.top, min(self.top + self.page, self.total))

    def page_changed(self) -> None:
        """Other lines are on screen; for panels that fetch what they need for them."""

    # moving

    def move_to(self, index: int, *, tell: bool = True) -> None:
        """Put the cursor on a line and bring it on screen; `tell` posts `Moved`."""
        index = min(max(index, 0), max(self.total - 1, 0))
        old, self.cursor = self.cursor, index
        if not self._reveal():
            self._refresh_line(old)
            self._refresh_line(index)
        if tell and index != old:
            self.post_message(self.Moved(self, index))

    def scroll_by(self, lines: int) -> None:
        """Show earlier or later lines; the cursor stays on its line."""
        self._scroll_lines_to(self.top + lines)

    def _scroll_lines_to(self, top: int) -> bool:
        page = self.page  # first: some views have as many lines as their width makes, and are told it by `head`
        top = max(0, min(top, self.total - page))
        if top == self.top:
            return False
        self.top = top
        self.refresh()
        self.page_changed()
        return True

    def _reveal(self) -> bool:
        """Scroll as little as needed to have the cursor and a little beyond it on screen."""
        margin = min(2, max(0, self.page - 1) // 4)
        highest = self.cursor + margin - self.page + 1
        return self._scroll_lines_to(min(max(self.top, highest), max(0, self.cursor - margin)))

    def action_line(self, by: int) -> None:
        """Next or previous line."""
        self.follow = self.follow and by > 0
        if self.CURSOR:
            self.move_to(self.cursor + by)
        else:
            self.scroll_by(by)

    def action_page(self, by: int) -> None:
        """Next or previous page."""
        step = by * max(1, self.page - 1)
        self.follow = self.follow and by > 0
        if self.CURSOR:
            self._scroll_lines_to(self.top + step)
            self.move_to(self.cursor + step)
        else:
            self.scroll_by(step)

    def action_first(self) -> None:
        """The first line."""
        self.follow = False
        if self.CURSOR:
            self.move_to(0)
        self._scroll_lines_to(0)

    def action_last(self) -> None:
        """The last line, and whatever comes after it."""
        self.follow = self.CURSOR
        if self.CURSOR:
            self.move_to(self.total - 1)
        self._scroll_lines_to(self.total)

    def action_sideways(self, by: int) -> None:
        """Show what is cut off at the right."""
        left = max(0, min(self.left + by * SIDEWAYS, self.WIDE - self.inner))
        if left != self.left:
            self.left = left
            self.redraw()

    def action_open(self) -> None:
        """Open what the cursor is on."""
        if self.total:
            self.post_message(self.Opened(self, self.cursor))

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
        self._scroll_lines_to(self.top)
        if visible and self.CURSOR:
            self._reveal()
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
        return self._brush.segments((Span(self.edge, "rule"),), 1) if self._edge else []

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

    def _scrollbar(self) -> Scrollbar:
        return Scrollbar(height=self.page, total=self.total, top=self.top)

    def render_line(self, y: int) -> Strip:
        """One line of the widget; mouse events ask for it too."""
        head = self._head_strips()
        if y < len(head):
            return head[y]
        index = self.top + y - len(head)
        if index >= self.total:
            return Strip([*self._edge_segments(), *self._brush.segments((), self.inner + 1)], self.size.width)
        thumb = self._scrollbar().thumb
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

    def _refresh_line(self, index: int) -> None:
        y = index - self.top + len(self._head_strips())
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # the mouse

    def index_at(self, y: int) -> int | None:
        """The line at a row of the widget, if there is one."""
        index = self.top + y - len(self._head_strips())
        return index if self.top <= index < self.total else None

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Later lines."""
        event.stop()
        self.scroll_by(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Earlier lines."""
        event.stop()
        self.follow = False
        self.scroll_by(-WHEEL)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the scrollbar."""
        y = event.y - len(self._head_strips())
        if event.x == self.size.width - 1 and self.total > self.page and y >= 0:
            thumb = self._scrollbar().thumb
            self._grabbed = y - thumb.start if y in thumb else len(thumb) // 2
            self.capture_mouse()
            self._drag(y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the scrollbar."""
        if self._grabbed is not None:
            self._drag(event.y - len(self._head_strips()))

    def on_mouse_up(self) -> None:
        """Let go of the scrollbar."""
        if self._grabbed is not None:
            self._grabbed = None
            self.release_mouse()

    def _drag(self, y: int) -> None:
        assert self._grabbed is not None
        self.follow = False
        self._scroll_lines_to(self._scrollbar().top_for(y - self._grabbed))

    def on_click(self, event: events.Click) -> None:
        """Select a line; twice opens it."""
        index = self.index_at(event.y)
        if index is None or event.x == self.size.width - 1:
            return
        self.follow = False
        self.clicked(index, event.x - self._edge + self.left)
        if event.chain == 2:
            self.action_open()

    def clicked(self, index: int, column: int) -> None:
        """A line was clicked, `column` cells from the beginning of the line as it is drawn."""
        del column
        if self.CURSOR:
            self.move_to(index)
