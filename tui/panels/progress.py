"""The line above the keys: how far reading is, or what is wrong with the capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from views.live import live_line
from views.status import progress
from views.text import Span, safe
from views.wrapping import wrap

if TYPE_CHECKING:
    from tui.stage import Stage
    from views.text import Line


class Rate:
    """Packets a second over the last second or so, from snapshots and the times when they were seen."""

    def __init__(self) -> None:
        self._mark: tuple[float, int] | None = None
        self.per_second = 0.0

    def seen(self, now: float, packets: int) -> None:
        """At `now` (seconds) there were so many packets."""
        if self._mark is None:
            self._mark = (now, packets)
            return
        then, before = self._mark
        if now - then >= 0.5:
            self.per_second = (packets - before) / (now - then)
            self._mark = (now, packets)


def notice_lines(stage: Stage, width: int) -> list[Line]:
    """What is said at the moment, else the progress of reading, else what is wrong with the capture; and the filter."""
    return _told(stage, width) + (stage.filtering.lines(width) if stage.filtering is not None else [])


def _told(stage: Stage, width: int) -> list[Line]:
    snapshot = stage.desk.snapshot
    reading = progress(snapshot, stage.rate, width, stage.desk.options)
    if stage.said:
        return _wrapped(stage.said, width)
    live = stage.following.state
    if live is not None:
        return [live_line(live, stage.rate, width)]
    if reading is not None:
        return [reading]
    if snapshot.problems:
        more = f" (And {len(snapshot.problems) - 1} more: see ?)" if len(snapshot.problems) > 1 else ""
        return _wrapped(snapshot.problems[0].message + more, width)
    if snapshot.finished and not len(snapshot.packets) and not snapshot.cancelled:
        return _wrapped("The capture is whole, but it holds no packets.", width)
    return _wrapped("Reading was cancelled: this is what had been read.", width) if snapshot.cancelled else []


def _wrapped(sentence: str, width: int) -> list[Line]:
    lines = wrap(safe(sentence), max(1, width - 4))
    return [(Span(" ! " if row == 0 else "   ", "warning"), Span(line, "warning")) for row, line in enumerate(lines)]
