"""The line that `:` opens: a place is typed there, and goes to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.binding import BindingType


class GotoInput(Input):
    """Takes the place of the line of keys while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", show=False)]

    class Asked(Message):
        """Enter was pressed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(
            id="goto", placeholder="packet 120, time +1.5s or 12:30:05, or conn 5", compact=True, select_on_focus=False
        )
        self.display = False

    def open(self) -> None:
        """Show it, empty."""
        self.value = ""
        self.display = True
        self.screen.set_focus(self)  # at once: `focus` would wait for its turn while keys come in

    def action_close(self) -> None:
        """Forget what was typed."""
        self.display = False

    async def action_submit(self) -> None:
        """Tell the app what was typed."""
        self.display = False
        self.post_message(self.Asked(self.value))
