"""A regular expression at work on captured bytes, in a process of its own.

Python's `re` cannot be interrupted, and stops every thread while it searches. Bytes can be made so that an innocent
expression takes hours on them, so it searches where it can be ended.
"""

from __future__ import annotations

import select
import subprocess
import sys
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

PROGRAM: Final = Path(__file__).with_name("pattern_child.py")
ASK_SECONDS: Final = 0.05
"""How often it is asked whether the search is still wanted."""


class PatternProcess:
    """Searches for an expression that `re` has compiled before, with these flags. To be used with `with`."""

    def __init__(self, expression: bytes, flags: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program; the expression comes through its input
            [sys.executable, "-I", "-S", str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._send(array("I", [len(expression), flags]).tobytes() + expression)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def found_in(self, texts: Sequence[bytes], cancelled: Callable[[], bool]) -> list[bool] | None:
        """Whether each text holds the expression; None if that was `cancelled`, or the process was ended by others."""
        sizes = array("I", map(len, texts))
        if not self._send(array("I", [len(texts)]).tobytes() + sizes.tobytes() + b"".join(texts)):
            return None
        assert self._process.stdout is not None
        answer = b""
        while len(answer) < len(texts):
            if not select.select([self._process.stdout], [], [], ASK_SECONDS)[0]:
                if cancelled():
                    return None
                continue
            piece = self._process.stdout.read1(len(texts) - len(answer))  # type: ignore[attr-defined] # it is buffered
            if not piece:
                return None
            answer += piece
        return [each == 1 for each in answer]

    def _send(self, data: bytes) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True
