"""A few fixed lines that are made for the width there is: status, strips, notices, the line of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.styles import role_styles
from views.text import fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from views.text import Line


class Bar(Widget):
    """Draws the lines that `draw` makes for a width, when asked to `redraw`."""

    ALLOW_SELECT = False

    class Pressed(Message):
        """The bar was clicked."""

        def __init__(self, bar: Bar, column: int) -> None:
            super().__init__()
            self.bar, self.column = bar, column

        @property
        def control(self) -> Bar:
            """The bar, for handlers that name it."""
            return self.bar

    def __init__(self, draw: Callable[[int], list[Line]], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._draw = draw
        self._lines: list[Line] | None = None

    def redraw(self) -> None:
        """What the lines say has changed."""
        self._lines = None
        self.refresh()

    def on_resize(self) -> None:
        """The lines were made for another width."""
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Tell the app where."""
        self.post_message(self.Pressed(self, event.x))

    def render_line(self, y: int) -> Strip:
        """One line, exactly as wide as the widget."""
        width = self.size.width
        if self._lines is None:
            self._lines = self._draw(width)
        line = self._lines[y] if y < len(self._lines) else ()
        styles = role_styles(self.app.theme)
        return Strip([Segment(text, styles[role]) for text, role in fit(line, width)], width)
