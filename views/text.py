"""Text that is safe to show: spans with a role, measured in terminal cells, and the protocol that all views keep.

Captured bytes are hostile and terminals disagree about unusual characters. What `safe` lets through takes one or two
cells in every terminal; everything else becomes a visible escape.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple, Protocol


class Span(NamedTuple):
    """A stretch of text and what it means; `role` is one of `ROLES`, "" is plain."""

    text: str
    role: str


Line = tuple[Span, ...]

BASE_ROLES: Final = frozenset(
    {
        "",
        # structure
        "title",  # the name of a pane or of what is shown
        "head",  # column titles, lane names
        "rule",  # lines that divide
        "dim",  # less important
        "strong",
        "key",  # a key that can be pressed
        "fold",  # a line that stands for several
        "selection",  # the mark beside the selected line
        "cursor",  # the play head on a time axis
        "progress",
        # packets
        "time",
        "lifeline",
        "state",
        "state-inferred",  # deduced without the packet that caused it
        "syn",
        "fin",
        "rst",
        "data",
        "ack",  # an acknowledgment and nothing else
        "retransmitted",
        "datagram",  # anything that is not TCP
        "packet-unknown",
        "from-client",
        "from-server",
        *(f"connection-{number}" for number in range(6)),
        # verdicts
        "good",
        "note",
        "warning",
        "bad",
        # one packet's layers and bytes
        *(f"layer-{number}" for number in range(1, 8)),
        "empty",  # a layer or column with nothing in it
        "name",
        "value",
        "address",
        "offset",
        "byte",
        "byte-text",
        "byte-field",  # a byte of the selected field
        "byte-text-field",
        "byte-layer",  # a byte of the selected field's layer
        "byte-text-layer",
    }
)
LATER: Final = ".later"  # after the play head: dimmed
SELECTED: Final = ".selected"  # on the selected line
MODIFIERS: Final = ("", LATER, SELECTED)

ROLES: Final = frozenset(base + modifier for base, modifier in product(BASE_ROLES, MODIFIERS))
"""Every role that a view may use. A role is a base role, alone or followed by one modifier: `syn`, `syn.later`."""


class Lines(Protocol):
    """What every panel draws: lines that are made when they are looked at, and no others."""

    def __len__(self) -> int: ...

    def head(self, width: int) -> tuple[Line, ...]:
        """The lines that stay on top, each exactly `width` cells."""
        ...

    def draw(self, index: int, width: int) -> Line:
        """One line of exactly `width` cells. Never looks at the whole capture."""
        ...


def split_role(role: str) -> tuple[str, str]:
    """The base role and the modifier ("", `LATER` or `SELECTED`)."""
    base, dot, modifier = role.partition(".")
    return base, dot + modifier


def with_modifier(line: Line, modifier: str) -> Line:
    """The same line with `modifier` on every role that has none yet."""
    return tuple(span if "." in span.role else Span(span.text, span.role + modifier) for span in line)


@lru_cache(maxsize=4096)
def _cell_width(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return 0 if unicodedata.category(character) in {"Mn", "Me", "Cc", "Cf"} else 1


def cells(text: str) -> int:
    """How many terminal cells `text` takes; ambiguous characters count one, as everywhere outside old CJK terminals."""
    return len(text) if text.isascii() else sum(map(_cell_width, text))


def line_cells(line: Line) -> int:
    """How many terminal cells a line takes."""
    return sum(cells(span.text) for span in line)


def plain(line: Line) -> str:
    """The line's text without its roles."""
    return "".join(span.text for span in line)


def cut(text: str, width: int, ellipsis: str = "") -> str:
    """The longest beginning of `text` that takes at most `width` cells; ends in `ellipsis` if something is missing."""
    if cells(text) <= width:
        return text
    room = width - cells(ellipsis)
    if room < 0:
        return cut(ellipsis, max(width, 0))
    used = 0
    for index, character in enumerate(text):
        used += _cell_width(character)
        if used > room:
            return text[:index] + ellipsis
    return text


def fit(line: Line, width: int) -> Line:
    """Pad or cut to exactly `width` cells; half of a wide character becomes a space.

    Padding takes the modifier of the last role.
    """
    fitted: list[Span] = []
    room = max(width, 0)
    for span in line:
        text = cut(span.text, room)
        if text:
            fitted.append(Span(text, span.role))
            room -= cells(text)
        if text != span.text:
            break
    if room:
        fitted.append(Span(" " * room, split_role(fitted[-1].role)[1] if fitted else ""))
    return tuple(fitted)


# One cell in one terminal, two or none in another.
_DISPUTED: Final = (
    (0x115F, 0x11FF),  # Hangul that joins
    (0x2630, 0x2637),  # trigrams, hexagrams, counting rods: wide since Unicode 16
    (0x268A, 0x268F),
    (0x3164, 0x3164),  # a blank that is a letter
    (0x4DC0, 0x4DFF),
    (0xD7B0, 0xD7FF),
    (0xFFA0, 0xFFA0),
    (0x1D300, 0x1D37F),
    (0x1F1E6, 0x1F1FF),  # pairs of letters that become a flag
    (0x1F3FB, 0x1F3FF),  # skin tones
)


@lru_cache(maxsize=4096)
def _safe_character(character: str) -> str:
    category = unicodedata.category(character)
    shown = character == " " or category[0] not in "CMZ"
    if shown and not any(first <= ord(character) <= last for first, last in _DISPUTED):
        return character
    return _escape(character)


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe(text: str) -> str:
    """Any text, with control characters, bidi overrides, surrogates, loose accents and the like as visible escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_safe_character, unicodedata.normalize("NFC", text)))


def unambiguous(text: str) -> str:
    """Safe text for terminals that draw some characters two cells wide where others draw one: those escaped, too."""
    if text.isascii():
        return text
    return "".join(_escape(each) if unicodedata.east_asian_width(each) == "A" else each for each in text)
