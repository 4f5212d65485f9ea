"""The binding table: the one source of keys, of the line of keys at the bottom, of the help and of the palette.

What is not in the table cannot be pressed, and what is in it is documented. Actions are methods named `action_…` of the
widget that has the focus or of the app; ids are stable, so that keys can be rebound by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from textual.binding import Binding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.binding import BindingType


class Key(NamedTuple):
    """One thing that can be done. `keys` are Textual's names or single characters; `where` says which pane has it."""

    id: str
    keys: tuple[str, ...]
    action: str
    where: str  # "lines": every pane; "app": everywhere; else the id of one pane
    section: str  # heading in the help
    text: str  # a sentence for the help and the palette
    short: str = ""  # a word for the line of keys; "": it is not shown there


MOVE, PLAY, LOOK, PANES, PROGRAM = "Move", "Play", "Look", "Panes", "Program"

LAYER_TEXT: Final = "Inspect that OSI layer of the selected packet"

TABLE: Final[tuple[Key, ...]] = (
    Key("line.next", ("j", "down"), "line(1)", "lines", MOVE, "Next line", "step"),
    Key("line.previous", ("k", "up"), "line(-1)", "lines", MOVE, "Previous line", "step"),
    Key("line.first", ("g", "home"), "first", "lines", MOVE, "First line"),
    Key("line.last", ("G", "end"), "last", "lines", MOVE, "Last line; stays there while a capture is being read"),
    Key("page.next", ("pagedown",), "page(1)", "lines", MOVE, "Next page"),
    Key("page.previous", ("pageup",), "page(-1)", "lines", MOVE, "Previous page"),
    Key("sideways.left", ("h", "left"), "sideways(-1)", "lines", MOVE, "Sideways to the left; earlier in the timeline"),
    Key("sideways.right", ("l", "right"), "sideways(1)", "lines", MOVE, "Sideways to the right; later in the timeline"),
    Key("open", ("enter",), "open", "lines", MOVE, "Open: unfold or fold, show a connection, fold a layer"),
    Key("packet.next", (".",), "step(1)", "app", MOVE, "One packet forward, unfolding what hides it"),
    Key("packet.previous", (",",), "step(-1)", "app", MOVE, "One packet back, unfolding what hides it"),
    Key("trouble.next", ("}",), "trouble(1)", "app", MOVE, "Next trouble: retransmission, reset, gap, zero window"),
    Key("trouble.previous", ("{",), "trouble(-1)", "app", MOVE, "Previous trouble"),
    Key("connection.previous", ("[",), "connection(-1)", "app", MOVE, "Previous connection", "conn"),
    Key("connection.next", ("]",), "connection(1)", "app", MOVE, "Next connection", "conn"),
    Key("goto", (":",), "goto", "app", MOVE, "Go to a packet, a time (+1.5s, 12:30:05) or conn 5", "go to"),
    Key("filter", ("/",), "filter", "app", MOVE, "Show only what matches, as port:80 or outcome:refused", "filter"),
    Key("play", ("space",), "play", "app", PLAY, "Play or pause; what comes later is dimmed", "play"),
    Key("faster", ("+", "="), "speed(1)", "app", PLAY, "Play faster, up to 1000 times; zoom in in the timeline"),
    Key("slower", ("-",), "speed(-1)", "app", PLAY, "Play slower, down to a quarter; zoom out in the timeline"),
    Key("follow", ("F",), "follow", "app", PLAY, "Follow the newest packet of a capture that grows"),
    Key("freeze", ("p",), "freeze", "app", PLAY, "Freeze the picture while the capture goes on, or go on"),
    Key("timeline.in", ("+", "="), "zoom(1)", "timeline", PLAY, "Zoom in around the play head", "zoom"),
    Key("timeline.out", ("-",), "zoom(-1)", "timeline", PLAY, "Zoom out", "zoom"),
    *(
        Key(f"layer.{number}", (str(number),), f"layer({number})", "app", LOOK, LAYER_TEXT)
        for number in range(1, 8)
    ),
    Key("bytes", ("x",), "bytes", "app", LOOK, "The packet's bytes", "bytes"),
    Key("explanation", ("e",), "explanation", "app", LOOK, "Explanation: short, full, off", "explain"),
    Key("model", ("L",), "option('model')", "app", LOOK, "Seven layers (OSI), five, or four (TCP/IP)"),
    Key("relative", ("s",), "option('relative')", "app", LOOK, "Sequence numbers: relative or as on the wire"),
    Key("time", ("t",), "option('time')", "app", LOOK, "Time: since the packet before, since the start, clock, UTC"),
    Key("names", ("a",), "option('names')", "app", LOOK, "Names or addresses, as far as the capture tells names"),
    Key("rows", ("v",), "option('two_rows')", "app", LOOK, "Arrows of one row or two"),
    Key("theme", ("T",), "next_theme", "app", LOOK, "Colours: dark, light, high contrast"),
    Key("connections", ("c",), "connections", "app", PANES, "The list of connections", "list"),
    Key("pane.next", ("tab",), "pane(1)", "app", PANES, "Next pane", "pane"),
    Key("pane.previous", ("shift+tab",), "pane(-1)", "app", PANES, "Previous pane"),
    Key("learned", ("R",), "learned", "app", PANES, "Names, neighbours, requests with their replies"),
    Key("machines", ("M",), "machines", "app", PANES, "One lane a machine, with all that belongs here", "machines"),
    Key("maximise", ("\\",), "maximise", "app", PANES, "Give this pane the whole screen, or its place back"),
    Key("copy", ("y",), "copy", "app", PROGRAM, "Copy the selected line (OSC 52: works over SSH too)", "copy"),
    Key("save", ("w",), "save", "app", PROGRAM, "Save a live capture"),
    Key("palette", ("ctrl+p",), "command_palette", "app", PROGRAM, "Find an action by its name"),
    Key("help", ("?",), "help", "app", PROGRAM, "This help", "help"),
    Key("back", ("escape",), "leave", "app", PROGRAM, "Back: close, stop, cancel reading; at the top quit", "back"),
    Key("back.quit", ("q",), "leave(True)", "app", PROGRAM, "Back; at the top quit, even while reading"),
    Key("quit", ("ctrl+q", "ctrl+c"), "quit_now", "app", PROGRAM, "Quit at once"),
)  # fmt: skip

_NAMES: Final = {
    ".": "full_stop", ",": "comma", ":": "colon", "/": "slash", "?": "question_mark", "\\": "backslash", "+": "plus",
    "-": "minus", "=": "equals_sign", "[": "left_square_bracket", "]": "right_square_bracket",
    "{": "left_curly_bracket", "}": "right_curly_bracket",
}  # fmt: skip
_SHOWN: Final = {
    "down": "↓", "up": "↑", "left": "←", "right": "→", "space": "Space", "enter": "Enter", "escape": "Esc",
    "tab": "Tab", "shift+tab": "Shift-Tab", "pagedown": "PgDn", "pageup": "PgUp", "home": "Home", "end": "End",
    "ctrl+p": "Ctrl-P", "ctrl+q": "Ctrl-Q", "ctrl+c": "Ctrl-C",
}  # fmt: skip


def bindings_of(where: str) -> list[BindingType]:
    """Textual's bindings for a pane's id, for "lines" or for "app"."""
    return [
        Binding(
            ",".join(_NAMES.get(key, key) for key in entry.keys),
            entry.action,
            entry.text,
            show=False,
            id=entry.id,
            # What is typed right after `:` or `/` must find the line already there; quitting works over dialogs, too.
            priority=entry.id in ("goto", "filter", "quit"),
        )
        for entry in TABLE
        if entry.where == where
    ]  # fmt: skip


def keys_shown(entry: Key) -> str:
    """The keys as a person reads them."""
    return " ".join(_SHOWN.get(key, key) for key in entry.keys)


def available(pane: str) -> Iterable[Key]:
    """Everything that can be pressed while a pane has the focus, its own keys first."""
    own = [entry for entry in TABLE if entry.where == pane]
    taken = {key for entry in own for key in entry.keys}
    rest = [entry for entry in TABLE if entry.where in ("lines", "app") and not taken & set(entry.keys)]
    return (*own, *rest)


def footer(pane: str) -> list[tuple[str, str, str]]:
    """(keys, word, key to press) of what the line of keys offers; entries with the same word share it."""
    shown: dict[str, list[Key]] = {}
    for entry in available(pane):
        if entry.short:
            shown.setdefault(entry.short, []).append(entry)
    return [
        (
            "/".join(_SHOWN.get(entry.keys[0], entry.keys[0]) for entry in entries),
            word,
            _NAMES.get(entries[0].keys[0], entries[0].keys[0]),
        )
        for word, entries in sorted(shown.items(), key=lambda pair: _ORDER.index(pair[0]))
    ]


_ORDER: Final = (
    "step",
    "play",
    "conn",
    "zoom",
    "list",
    "pane",
    "bytes",
    "explain",
    "filter",
    "go to",
    "machines",
    "copy",
    "back",
    "help",
)
