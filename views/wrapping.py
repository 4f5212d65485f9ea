"""Sentences cut into lines of so many cells: at spaces, or anywhere in scripts that do not use them."""

from __future__ import annotations

from views.text import cells, cut


def _words(text: str) -> list[str]:
    """Pieces that stay together, each with the space that follows it."""
    pieces: list[str] = []
    for word in text.split(" "):
        current = ""
        for character in word:
            if current and (cells(character) == 2 or cells(current[-1]) == 2):
                pieces.append(current)
                current = ""
            current += character
        pieces.append(current + " ")
    return pieces


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells (at least 1); a word that is longer is cut."""
    width = max(width, 2)
    lines, line = [], ""
    for piece in _words(text):
        if line and cells(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        rest = piece
        while cells(rest.rstrip()) > width:
            head = cut(rest, width)
            lines.append(head)
            rest = rest[len(head) :]
        line += rest
    return [*lines, line.rstrip()] if line.strip() else lines
