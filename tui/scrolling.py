"""Where one is among any number of lines: a cursor and the page of them that is on screen, moved by keys and the mouse.

What the lines look like, and how many there are, is the business of whoever builds on it (`tui.lineview`). It has its
own scrollbar and never sets `virtual_size`, so growth costs no layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from tui.bindings import bindings_of
from tui.scrollbar import Scrollbar

if TYPE_CHECKING:
    from textual import events
    from textual.binding import BindingType

WHEEL: Final = 3
SIDEWAYS: Final = 8


class OfLine(Message):
    """Something about a line of a view."""

    def __init__(self, view: Scrolling, index: int) -> None:
        super().__init__()
        self.view, self.index = view, index

    @property
    def control(self) -> Scrolling:
        """The view, for handlers that name it."""
        return self.view


class Scrolling(Widget, can_focus=True):
    """A cursor on one of `total` lines, and the first of those on screen; `head_height` lines above them stay."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("lines")
    CURSOR: ClassVar[bool] = True  # False: keys scroll, no line is selected
    WIDE: ClassVar[int] = 160  # cells that can be reached by moving the view sideways

    class Moved(OfLine, namespace="line_view"):
        """The cursor went to another line."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest place matters."""
            return isinstance(message, Scrolling.Moved) and message.view is self.view

    class Opened(OfLine, namespace="line_view"):
        """Enter or a double click on a line."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.cursor = 0
        self.top = 0
        self.left = 0
        self.follow = False
        """Stay on the last line while more come; set by going to the end, ended by going up."""
        self._grabbed: int | None = None  # where in the scrollbar's thumb the mouse holds it

    # what there is

    @property
    def total(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    @property
    def head_height(self) -> int:
        """How many lines stay on top."""
        raise NotImplementedError

    @property
    def margin(self) -> int:
        """Cells left of the lines."""
        raise NotImplementedError

    @property
    def inner(self) -> int:
        """Cells for a line: without the margin and the scrollbar."""
        return max(0, self.size.width - 1 - self.margin)

    def redraw(self) -> None:
        """The same lines look otherwise now."""
        raise NotImplementedError

    @property
    def page(self) -> int:
        """How many lines fit below those that stay on top."""
        return max(0, self.size.height - self.head_height)

    @property
    def visible_lines(self) -> range:
        """Indexes of the lines on screen."""
        return range(self.top, min(self.top + self.page, self.total))

    @property
    def scrollbar(self) -> Scrollbar:
        """The bar at the right."""
        return Scrollbar(height=self.page, total=self.total, top=self.top)

    def page_changed(self) -> None:
        """Other lines are on screen; for panels that fetch what they need for them."""

    # moving

    def move_to(self, index: int, *, tell: bool = True) -> None:
        """Put the cursor on a line and bring it on screen; `tell` posts `Moved`."""
        index = min(max(index, 0), max(self.total - 1, 0))
        old, self.cursor = self.cursor, index
        if not self.reveal():
            self._refresh_line(old)
            self._refresh_line(index)
        if tell and index != old:
            self.post_message(self.Moved(self, index))

    def scroll_by(self, lines: int) -> None:
        """Show earlier or later lines; the cursor stays on its line."""
        self.scroll_lines_to(self.top + lines)

    def scroll_lines_to(self, top: int) -> bool:
        """Put a line first on screen, as far as there are lines; whether that changed anything."""
        page = self.page  # first: some views have as many lines as their width makes, and are told it by `head`
        top = max(0, min(top, self.total - page))
        if top == self.top:
            return False
        self.top = top
        self.refresh()
        self.page_changed()
        return True

    def reveal(self) -> bool:
        """Scroll as little as needed to have the cursor and a little beyond it on screen."""
        margin = min(2, max(0, self.page - 1) // 4)
        highest = self.cursor + margin - self.page + 1
        return self.scroll_lines_to(min(max(self.top, highest), max(0, self.cursor - margin)))

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
            self.scroll_lines_to(self.top + step)
            self.move_to(self.cursor + step)
        else:
            self.scroll_by(step)

    def action_first(self) -> None:
        """The first line."""
        self.follow = False
        if self.CURSOR:
            self.move_to(0)
        self.scroll_lines_to(0)

    def action_last(self) -> None:
        """The last line, and whatever comes after it."""
        self.follow = self.CURSOR
        if self.CURSOR:
            self.move_to(self.total - 1)
        self.scroll_lines_to(self.total)

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

    def _refresh_line(self, index: int) -> None:
        y = index - self.top + self.head_height
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # the mouse

    def index_at(self, y: int) -> int | None:
        """The line at a row of the widget, if there is one."""
        index = self.top + y - self.head_height
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
        y = event.y - self.head_height
        if event.x == self.size.width - 1 and self.total > self.page and y >= 0:
            thumb = self.scrollbar.thumb
            self._grabbed = y - thumb.start if y in thumb else len(thumb) // 2
            self.capture_mouse()
            self._drag(y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the scrollbar."""
        if self._grabbed is not None:
            self._drag(event.y - self.head_height)

    def on_mouse_up(self) -> None:
        """Let go of the scrollbar."""
        if self._grabbed is not None:
            self._grabbed = None
            self.release_mouse()

    def _drag(self, y: int) -> None:
        assert self._grabbed is not None
        self.follow = False
        self.scroll_lines_to(self.scrollbar.top_for(y - self._grabbed))

    def on_click(self, event: events.Click) -> None:
        """Select a line; twice opens it."""
        index = self.index_at(event.y)
        if index is None or event.x == self.size.width - 1:
            return
        self.follow = False
        self.clicked(index, event.x - self.margin + self.left)
        if event.chain == 2:
            self.action_open()

    def clicked(self, index: int, column: int) -> None:
        """A line was clicked, `column` cells from the beginning of the line as it is drawn."""
        del column
        if self.CURSOR:
            self.move_to(index)
