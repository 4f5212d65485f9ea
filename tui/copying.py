"""What the focused pane has selected, as text for the clipboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.lineview import LineView
from views.text import plain

if TYPE_CHECKING:
    from textual.widget import Widget

    from tui.stage import Stage


def selected_text(stage: Stage, focused: Widget | None) -> str:
    """The selected line or lines; of the bytes those of the selected field, or all."""
    looked, field = stage.looked, stage.field
    if focused is stage.bytes and looked is not None:
        chosen = looked.dissection.fields[field] if field is not None else None
        if chosen is not None and chosen.offset >= 0:
            return looked.data[chosen.offset : chosen.offset + chosen.length].hex(" ")
        return looked.data.hex(" ")
    if not isinstance(focused, LineView) or focused.lines is None:
        return ""
    lines = [focused.cursor] if focused.CURSOR else range(focused.total)
    return "\n".join(plain(focused.lines.draw(index, focused.WIDE)).strip() for index in lines)
