"""The playback clock: where the play head stands in packet time, as a pure function of a clock that it is given.

Nothing here waits or draws. Long silences are cut to `IDLE_SECONDS` of the watcher's time, and `skipping` says so.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SPEEDS: Final = tuple(
    Fraction(*pair) for pair in ((1, 4), (1, 2), (1, 1), (2, 1), (5, 1), (10, 1), (100, 1), (1000, 1))
)
IDLE_SECONDS: Final = 1.0
"""No silence lasts longer than this on screen, whatever the speed."""


class Playback:
    """Plays rows of ascending `times_ns` (int64, shape (N,)). `now` returns seconds of any monotonic clock."""

    def __init__(self, times_ns: NDArray[np.int64], now: Callable[[], float]) -> None:
        self._times = times_ns
        self._now = now
        self._row = 0  # the packet that was shown last
        self._since: float | None = None  # when it was shown; None: not playing
        self._speed = SPEEDS.index(Fraction(1))
        self.active = False
        """Begun and not yet ended: what comes after the play head is dimmed, playing or paused."""

    @property
    def playing(self) -> bool:
        """Time is running."""
        return self._since is not None

    @property
    def speed(self) -> Fraction:
        """Packet seconds in a second."""
        return SPEEDS[self._speed]

    def faster(self, by: int) -> None:
        """Go `by` steps up or down the speeds."""
        self._row, self._since = self.row(), self._since and self._now()
        self._speed = min(max(self._speed + by, 0), len(SPEEDS) - 1)

    def play(self, row: int) -> None:
        """Run from `row` on; from the beginning if it is the last one."""
        self._row = row if row < len(self._times) - 1 else 0
        self._since = self._now()
        self.active = True

    def pause(self) -> None:
        """Stand still at the present row."""
        self._row, self._since = self.row(), None

    def stop(self) -> None:
        """No longer in playback: nothing is dimmed."""
        self._since, self.active = None, False

    def seek(self, row: int) -> None:
        """Continue from another row: the watcher moved the cursor."""
        self._row = row
        if self._since is not None:
            self._since = self._now()

    def extend(self, times_ns: NDArray[np.int64]) -> None:
        """The same packets and newer ones: a capture grew."""
        self._times = times_ns

    @property
    def skipping(self) -> bool:
        """The present wait is shorter than the packets' own."""
        row = self._row
        if not self.playing or row + 1 >= len(self._times):
            return False
        return (int(self._times[row + 1]) - int(self._times[row])) / 1e9 / float(self.speed) > IDLE_SECONDS

    def row(self) -> int:
        """The row at the play head now; each call costs only the rows passed since the last."""
        if self._since is None:
            return self._row
        elapsed = self._now() - self._since
        last = len(self._times) - 1
        while self._row < last:
            near = min(self._row + 4096, last)
            gaps = np.maximum(np.diff(self._times[self._row : near + 1]), 0) / (1e9 * float(self.speed))
            reached = np.cumsum(np.minimum(gaps, IDLE_SECONDS))
            steps = int(np.searchsorted(reached, elapsed, "right"))
            if steps:
                passed = float(reached[steps - 1])
                elapsed -= passed
                self._since += passed
                self._row += steps
            if steps < len(gaps):
                break
        return self._row

    @property
    def ended(self) -> bool:
        """The play head stands on the last row."""
        return self.row() >= len(self._times) - 1
