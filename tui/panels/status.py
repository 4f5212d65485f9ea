"""The first line of the screen, what is open and whether it plays, and the last: the keys of the focused pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.bindings import footer
from views.status import status
from views.text import Span, line_cells

if TYPE_CHECKING:
    from tui.desk import Desk
    from tui.playback import Playback
    from views.text import Line


def playing(playback: Playback | None) -> Line:
    """`playing ×2`, `paused ×1`, or nothing."""
    if playback is None or not playback.active:
        return ()
    speed = {0.25: "¼", 0.5: "½"}.get(float(playback.speed), str(playback.speed))
    if not playback.playing:
        return (Span(f"  paused ×{speed} ", "warning"),)
    silence = "  silence shortened" if playback.skipping else ""
    return (Span(silence, "dim"), Span(f"  playing ×{speed} ", "good"))


def status_lines(desk: Desk, playback: Playback | None, width: int) -> list[Line]:
    """What is open, and the playback at the right."""
    suffix = playing(playback)
    room = max(0, width - line_cells(suffix))
    causes = desk.learned.causes if desk.learned is not None else ()
    line = status(desk.snapshot, desk.connection, desk.name, desk.options, room, desk.found, causes=causes)
    return [(*line, *suffix)]


def keys_line(pane: str, width: int) -> tuple[Line, list[tuple[range, str]]]:
    """The keys that fit, and which cells of the line stand for which key. Help always fits before anything else."""
    offers = footer(pane)
    last = [offer for offer in offers if offer[1] == "help"]
    room = width - sum(len(keys) + len(word) + 3 for keys, word, _ in last)
    line: list[Span] = [Span(" ", "")]
    places: list[tuple[range, str]] = []
    column = 1
    for keys, word, key in [offer for offer in offers if offer[1] != "help"] + last:
        size = len(keys) + len(word) + 3
        if column + size > (width if word == "help" else room):
            continue
        line += [Span(keys, "key"), Span(f" {word}  ", "dim")]
        places.append((range(column, column + size), key))
        column += size
    return tuple(line), places
