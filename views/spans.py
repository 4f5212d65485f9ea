"""A span of time as a bar: where it lies in a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from views.glyphs import Glyphs

BAR: Final = 24
"""Cells of a bar."""


def span_bar(begin: int, end: int, whole: int, signs: Glyphs, size: int = BAR) -> str:
    """From `begin` to `end` of `whole` (one unit for all), in `size` cells; the shortest is one cell long."""
    scale = size / max(whole, 1)
    first = min(int(begin * scale), size - 1)
    length = max(min(int(end * scale), size) - first, 1)
    return signs.bar * first + signs.full * length + signs.bar * (size - first - length)
