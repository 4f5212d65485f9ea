"""The lines that are typed in at the bottom: a place to go to (`:`), a name to save as (`w`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.binding import BindingType


class LineInput(Input):
    """Takes the place of the line of keys while it is open; what is typed goes to the app."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", show=False)]

    class Asked(Message):
        """Enter was pressed in the line `asker`."""

        def __init__(self, asker: LineInput, text: str) -> None:
            super().__init__()
            self.asker, self.text = asker, text

    def __init__(self, id: str, placeholder: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes="typed", placeholder=placeholder, compact=True, select_on_focus=False)
        self.display = False

    def open(self, text: str = "") -> None:
        """Show it, with a text to begin with."""
        self.value = text
        self.cursor_position = len(text)
        self.display = True
        self.screen.set_focus(self)  # at once: `focus` would wait for its turn while keys come in

    def action_close(self) -> None:
        """Forget what was typed."""
        self.display = False

    async def action_submit(self) -> None:
        """Tell the app what was typed."""
        self.display = False
        self.post_message(self.Asked(self, self.value))


def goto_input() -> LineInput:
    """Asks for a place."""
    return LineInput("goto", "packet 120, time +1.5s or 12:30:05, or conn 5")


def save_input() -> LineInput:
    """Asks for the name of a file."""
    return LineInput("save", "the file to save as")
