"""Work off the UI thread, one at a time, and only the newest wish: what was asked for meanwhile is dropped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from capture.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

Question = TypeVar("Question")
Answer = TypeVar("Answer")

PAUSE: Final = 0.03
"""Seconds between two answers: holding a key down asks for 33 packets a second, not for each one passed."""


class Fetch(Generic[Question, Answer]):
    """Asks `work` in a thread. Its answer goes to `done` on the UI thread, what it raises, if expected, to `failed`."""

    def __init__(
        self,
        work: Callable[[Question], Answer],
        done: Callable[[Question, Answer], None],
        failed: Callable[[str], None],
    ) -> None:
        self._work, self._done, self._failed = work, done, failed
        self._next: Question | None = None
        self.busy = False

    def ask(self, app: App[int], question: Question) -> None:
        """Answer this soon; an older question that still waits is forgotten."""
        self._next = question
        if not self.busy:
            self.busy = True
            # An error of ours is shown by the app as a notice; it does not end the program.
            app.run_worker(self._answer(), group="fetch", exit_on_error=False)

    async def _answer(self) -> None:
        try:
            while (question := self._next) is not None:
                self._next = None
                try:
                    answer = await asyncio.to_thread(self._work, question)
                except (CaptureError, OSError) as error:
                    self._failed(str(error))
                else:
                    self._done(question, answer)
                await asyncio.sleep(PAUSE)
        finally:
            self.busy = False
