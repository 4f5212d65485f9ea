"""The lines that are typed in at the bottom: a place to go to (`:`), a name to save as (`w`), a filter (`/`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from analysis.filter_grammar import FilterError
from analysis.filter_words import known_words
from analysis.filtering import Filter

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


class FilterInput(LineInput):
    """Asks for a filter: stays open while it is not understood, and proposes the rest of a word (→ takes it)."""

    class Typed(Message):
        """The text has changed; None: the line is closed."""

        def __init__(self, text: str | None) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__("filter", "tcp  port:80  outcome:refused  retransmitted …")
        self.suggester = WordSuggester()

    def open(self, text: str = "") -> None:
        """Show it, with the filter that is set."""
        super().open(text)
        self.post_message(self.Typed(text))

    def watch_value(self, value: str) -> None:
        """Tell the app what is being typed."""
        if self.display:
            self.post_message(self.Typed(value))

    def action_close(self) -> None:
        """Leave the filter as it was."""
        super().action_close()
        self.post_message(self.Typed(None))

    async def action_submit(self) -> None:
        """Tell the app what was typed, if it means something."""
        try:
            Filter(self.value)
        except FilterError as error:
            self.cursor_position = error.at
            return
        self.post_message(self.Typed(None))
        await super().action_submit()


class WordSuggester(Suggester):
    """Proposes how the last word of a filter may go on."""

    def __init__(self) -> None:
        super().__init__(case_sensitive=True)
        self._words = sorted(known_words(), key=lambda word: (len(word), word))

    async def get_suggestion(self, value: str) -> str | None:
        """The whole text with its last word completed; None where nothing fits or hardly anything is typed."""
        last = value.replace("(", " ").replace("!", " ").rsplit(" ", 1)[-1].lower()
        if len(last) < 2:
            return None
        found = next((word for word in self._words if word.startswith(last)), None)
        return None if found is None or found == last else value + found[len(last) :]


def save_input() -> LineInput:
    """Asks for the name of a file."""
    return LineInput("save", "the file to save as")
