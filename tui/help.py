"""The help for the focused pane: its keys, how to read the ladder, what is wrong with the capture."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.containers import Container
from textual.screen import ModalScreen

from tui.bindings import available, keys_shown
from tui.lineview import LineView
from views.text import Span, cells, fit, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from views.text import Line

KEYS_WIDTH: Final = 17

READING: Final[tuple[tuple[str, str, str], ...]] = (
    ("──►", "syn", "control: SYN, FIN, or a pure ACK (then dim)"),
    ("══►", "data", "carries data"),
    ("··►", "retransmitted", "sent again"),
    ("──╳", "rst", "reset"),
    ("STATE?", "state-inferred", "deduced without having seen the packet that caused it"),
)
ASCII_READING: Final = {"──►": "-->", "══►": "==>", "··►": "..>", "──╳": "--X"}


class HelpLines:
    """The help as lines; they are few."""

    def __init__(self, pane: str, problems: Sequence[str], *, ascii: bool) -> None:  # noqa: A002 - the option's name
        self._lines = [*_keys(pane), *_reading(ascii=ascii), *_problems(problems)]

    def __len__(self) -> int:
        """How many lines."""
        return len(self._lines)

    def head(self, width: int) -> tuple[Line, ...]:
        """Nothing stays on top."""
        del width
        return ()

    def draw(self, index: int, width: int) -> Line:
        """One line."""
        return fit(self._lines[index], width)


def _keys(pane: str) -> Iterator[Line]:
    section = ""
    for (heading, text), entries in groupby(available(pane), key=lambda entry: (entry.section, entry.text)):
        if heading != section:
            if section:
                yield ()
            section = heading
            yield (Span(f" {section}", "title"),)
        keys = " ".join(map(keys_shown, entries))
        yield (Span(f"  {keys}", "key"), Span(" " * max(2, KEYS_WIDTH - cells(keys)), ""), Span(text, ""))


def _reading(*, ascii: bool) -> Iterator[Line]:  # noqa: A002 - the option's name
    yield ()
    yield (Span(" How to read the ladder", "title"),)
    for sign, role, text in READING:
        shown = ASCII_READING.get(sign, sign) if ascii else sign
        yield (Span(f"  {shown}", role), Span(" " * (KEYS_WIDTH - cells(shown)), ""), Span(text, ""))
    yield (Span("  States are deduced from the packets; a capture never shows them.", "dim"),)


def _problems(problems: Sequence[str]) -> Iterator[Line]:
    if not problems:
        return
    yield ()
    yield (Span(" What is wrong with this capture", "title"),)
    for problem in problems:
        yield (Span(f"  {safe(problem)}", "warning"),)


class HelpScreen(ModalScreen[None]):
    """Help over the panels; any of the keys that leave something leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "Close", show=False)]

    def __init__(self, pane: str, problems: Sequence[str], *, ascii: bool) -> None:  # noqa: A002 - the option's name
        super().__init__()
        self._lines = HelpLines(pane, problems, ascii=ascii)
        self._view = HelpView(id="help", ascii=ascii)
        self._view.title = (Span("help", "title"), Span(f"  keys in: {pane}   Esc closes", "dim"))

    def compose(self) -> ComposeResult:
        """One view in a frame."""
        with Container(id="frame", classes="ascii" if self._view.ascii else ""):
            yield self._view

    def on_mount(self) -> None:
        """Fill it."""
        self._view.show(self._lines)
        self._view.focus()


class HelpView(LineView):
    """Scrolls; nothing to select."""

    CURSOR: ClassVar[bool] = False
