"""How lines become segments of a terminal: roles become styles, titles become rules, the cursor's line is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment

from tui.styles import role_styles, selected_style
from views.text import Span, cells, fit, line_cells

if TYPE_CHECKING:
    from views.text import Line


class Brush(NamedTuple):
    """Paints in one theme and one set of signs, for a pane that has the focus or has not."""

    theme: str
    ascii: bool
    focused: bool

    def segments(self, line: Line, width: int) -> list[Segment]:
        """Exactly `width` cells."""
        styles = role_styles(self.theme)
        return [Segment(text, styles[role]) for text, role in fit(line, width)]

    def sign(self, unicode: str, plain: str, role: str) -> list[Segment]:
        """One cell."""
        return self.segments((Span(plain if self.ascii else unicode, role),), 1)

    def titled(self, title: Line, aside: str, width: int) -> list[Segment]:
        """`── title ─────── aside ──`; the focused pane's title stands out."""
        dash = "-" if self.ascii else "─"
        shown = tuple(Span(text, "key" if role == "title" and self.focused else role) for text, role in title)
        words = (Span(dash * 2 + " ", "rule"), *shown, Span(" ", "rule"))
        room = width - line_cells(words)
        tail = f" {aside} {dash * 2}" if aside and room > cells(aside) + 8 else ""
        return self.segments((*words, Span(dash * max(0, room - cells(tail)), "rule"), Span(tail, "dim")), width)

    def marked(self, segments: list[Segment]) -> list[Segment]:
        """The cursor's line in a focused pane: another background, and a mark for those who see no colour."""
        if not self.focused:
            return segments
        extra = selected_style(self.theme)
        if segments and segments[0].text.startswith(" "):
            mark = Segment(">" if self.ascii else "▌", role_styles(self.theme)["selection"])
            segments = [mark, Segment(segments[0].text[1:], segments[0].style), *segments[1:]]
        return [Segment(text, style + extra if style else extra) for text, style, _ in segments if text]
