"""The signs that pictures are drawn with: one set of box characters, one of plain ASCII, same meaning and width.

Terminals set up for Chinese or Japanese often draw box characters two cells wide; there `--ascii` keeps the picture
whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Each sign is one cell, but for `delta` and `micro`."""

    control: str  # shaft of an arrow without payload
    data: str  # with payload
    repeated: str  # sent before
    head_right: str
    head_left: str
    reset: str  # head of a segment with RST, either way
    lifeline: str
    rule: str
    mark: str  # beside the selected line
    fold: str
    ellipsis: str
    next: str  # between the layers of a packet, between two states
    bar: str  # a connection's life on the time axis
    cursor: str  # the play head
    full: str  # done, of a progress bar
    rest: str
    bad: str  # trouble marks
    warning: str
    note: str
    good: str
    right: str  # small arrows in column titles
    left: str
    delta: str
    micro: str
    dot: str  # between the parts of a title


UNICODE: Final = Glyphs(
    control="─",
    data="═",
    repeated="·",
    head_right="►",
    head_left="◄",
    reset="╳",
    lifeline="│",
    rule="─",
    mark="▌",
    fold=":",
    ellipsis="…",
    next="›",
    bar="·",
    cursor="│",
    full="█",
    rest="░",
    bad="✗",
    warning="!",
    note="?",
    good="✓",
    right="→",
    left="←",
    delta="Δt",
    micro="µs",
    dot="·",
)

ASCII: Final = Glyphs(
    control="-",
    data="=",
    repeated=".",
    head_right=">",
    head_left="<",
    reset="X",
    lifeline="|",
    rule="-",
    mark=">",
    fold=":",
    ellipsis="~",
    next=">",
    bar=".",
    cursor="|",
    full="#",
    rest="-",
    bad="x",
    warning="!",
    note="?",
    good="+",
    right=">",
    left="<",
    delta="dt",
    micro="us",
    dot="-",
)


def glyphs(*, ascii_only: bool) -> Glyphs:
    """The set to draw with."""
    return ASCII if ascii_only else UNICODE
