"""Where a scrollbar's thumb is, and which line a dragged one asks for: whole numbers, exact for any number of lines."""

from __future__ import annotations

from typing import NamedTuple


class Scrollbar(NamedTuple):
    """A bar of `height` cells beside `total` lines of which `top` is the first on screen."""

    height: int
    total: int
    top: int

    @property
    def thumb(self) -> range:
        """The cells of the thumb. It touches an end only if the first or the last line is on screen."""
        height, hidden = self.height, self.total - self.height
        if hidden <= 0:
            return range(height)
        size = max(1, height * height // self.total)
        room = height - size
        start = self.top * room // hidden
        if 0 < self.top < hidden and room > 1:
            start = min(max(start, 1), room - 1)
        return range(start, start + size)

    def top_for(self, start: int) -> int:
        """The first line to show when the thumb is dragged to begin at cell `start`."""
        hidden = max(0, self.total - self.height)
        room = self.height - len(self.thumb)
        if room <= 0:
            return 0
        return min(max(start, 0), room) * hidden // room
