"""Starts a command in a network of its own (`lab.sandbox`), and ends it: the side that has a screen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Final

from lab.errors import NotAllowedError
from lab.sandbox import GO, KILL, REFUSED, TERMINATE
from lab.starting import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BEGIN: Final = "import sys; sys.path.insert(0, sys.argv.pop(1)); from lab.sandbox import main; sys.exit(main())"
POLITE_SECONDS: Final = 2.0


class Sandbox:
    """A command that waits for `go`. `control` is the socket of the process that captures its loopback.

    `environment` is the command's. With `output`, what the command prints goes there, and the terminal's keys do not
    reach it. Start it from the main thread: it is killed when the thread that started it ends.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders, answers = socket.socketpair()
        self.status: int | None = None
        with theirs, answers:
            fds = [theirs.fileno(), answers.fileno()]
            words = ["--control", str(fds[0]), "--orders", str(fds[1]), "--parent", str(os.getpid()), "--", *command]
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", BEGIN, ROOT, *words],
                stdin=subprocess.DEVNULL if output is not None else None,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=fds,
                start_new_session=output is not None,
            )

    def go(self, at_end: Callable[[], None]) -> None:
        """Start the command; `at_end` is called on another thread when it has ended."""
        self._orders.send(GO)
        threading.Thread(target=self._listen, args=(at_end,), name="netviz run", daemon=True).start()

    def _listen(self, at_end: Callable[[], None]) -> None:
        answer = self._orders.recv(16)
        self.status = int(answer) if answer else 128
        at_end()

    def refused(self) -> NotAllowedError:
        """Why nothing could be started, when the control socket has ended at once."""
        status = self._process.wait()
        if status == REFUSED:
            return NotAllowedError("A network of its own cannot be made here; netviz lab says why.")
        return NotAllowedError(f"The process that should run the command ended with status {status}.")

    def end(self) -> int:
        """End the command, politely and then not, and return its exit status."""
        if self.status is None:
            self._order(TERMINATE)
            self._wait(POLITE_SECONDS)
        self._order(KILL)
        self._process.wait()
        self._orders.close()
        return self.status if self.status is not None else self._process.returncode

    def _order(self, order: bytes) -> None:
        try:
            self._orders.send(order)
        except OSError:
            return  # everything in there has ended already

    def _wait(self, seconds: float) -> None:
        waiting = threading.Event()
        for _ in range(int(seconds / 0.02)):
            if self.status is not None or waiting.wait(0.02):
                return
