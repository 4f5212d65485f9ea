"""A plain file that somebody else is still writing, read as it grows: its end is not the end of the capture.

The file system tells nobody that a file has grown, so a reader at the end looks again after a pause.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from capture.store import DamagedStoreError, FileStore

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE_SECONDS: Final = 0.02
"""Between two looks at a file that has not grown: too short to be noticed, too long to be felt by the processor."""


def _never() -> bool:
    return False


class GrowingStore(FileStore):
    """Waits at the end of the file for more, until cancelled or until `ended` says that nobody writes any more.

    Takes the descriptor over. `ended` is asked by the thread that reads.
    """

    def __init__(self, descriptor: int, ended: Callable[[], bool] = _never) -> None:
        super().__init__(descriptor)
        self._ended = ended
        self._cancelled = threading.Event()

    def fill(self, view: memoryview) -> int:
        """The next bytes; waits for one. Raises `DamagedStoreError` where the file has become shorter than was read."""
        while not self._cancelled.is_set():
            last = self._ended()  # asked before reading, or what was written in between would be lost
            count = super().fill(view)
            if count or last:
                return count
            if os.fstat(self._descriptor).st_size < self.bytes_read:
                raise DamagedStoreError("it has become shorter than it was, as if it had been written anew")
            self._cancelled.wait(PAUSE_SECONDS)
        return 0

    def ready(self) -> bool:
        """Whether `fill` would not wait."""
        return self._cancelled.is_set() or self.waiting > 0

    @property
    def waiting(self) -> int:
        """Bytes that were written and not yet read."""
        return max(os.fstat(self._descriptor).st_size - self.bytes_read, 0)

    @property
    def bytes_total(self) -> int | None:
        """Nobody knows."""
        return None

    def cancel(self) -> None:
        """End the waiting."""
        self._cancelled.set()
