"""Starts the runner and tells how it went: the side of the lab that has a screen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from lab.errors import LabError, NotAllowedError
from lab.isolation import TIMED_OUT
from lab.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.scenario import Scenario

ROOT: Final = str(Path(__file__).parents[1])

# Python's own folder comes first in the search, never the folder that the user is in, where a `lab` may be.
BEGIN: Final = "import sys; sys.path.insert(0, sys.argv.pop(1)); from lab.runner import main; sys.exit(main())"


class Running:
    """A runner at work. `capture` is the descriptor that its pcapng comes from; closing ends everything.

    Start it from the main thread: the runner is killed when the thread that started it ends.
    """

    def __init__(self, arguments: Sequence[str], *, python: str = sys.executable, prefix: Sequence[str] = ()) -> None:
        self.capture, theirs = os.pipe()
        ours, status = os.pipe()
        self._status = os.fdopen(ours, "r", encoding="utf-8")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the rest
        self.answers: list[str] = []
        self._failure: LabError | None = None
        command = [*prefix, python, "-I", "-c", BEGIN, ROOT, "--status", str(status), "--parent", str(os.getpid())]
        self._process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=self._complaints,
            pass_fds=[status],
            start_new_session=True,  # Ctrl-C is for us, who then end it
        )
        os.close(theirs)
        os.close(status)

    def wait_until_ready(self) -> None:
        """Return when packets begin to come. Raises `NotAllowedError` or `LabError` when none will."""
        self._hear(self._status.readline())
        if self._failure is not None:
            os.close(self.capture)
            self.close()
            raise self._failure

    def wait(self) -> int:
        """Wait for the end; returns the exit status. Raises `LabError` if the scenario failed."""
        for line in self._status:
            self._hear(line)
        status = self._process.wait()
        if self._failure is not None:
            raise self._failure
        if status != 0:
            raise LabError(self._why(status))
        return status

    def wait_if_ended(self) -> None:
        """Return at once if it is still at work. Raises `LabError` if it has ended, and badly."""
        if self._process.poll() is not None:
            self.wait()

    def _hear(self, line: str) -> None:
        said: dict[str, Any] = json.loads(line) if line else {"failed": self._why(self._process.wait())}
        self.answers = said.get("answers", self.answers)
        if "failed" in said:
            kind = LabError if said.get("allowed", True) else NotAllowedError
            self._failure = kind(said["failed"])

    def _why(self, status: int) -> str:
        if status == TIMED_OUT:
            return "The scenario was not done in time, and was ended."
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return f"The lab ended with status {status}: {lines[-1] if lines else 'it gave no reason'}."

    def close(self) -> None:
        """End it, whatever it is doing; nothing stays behind. The descriptor `capture` is its reader's to close."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
        self._status.close()
        self._complaints.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(name: str, options: Mapping[str, float | bool], **how: Any) -> Running:
    """Start a scenario, and wait until its packets begin to come. Raises `NotAllowedError`, `LabError`."""
    running = Running(["scenario", name, json.dumps(dict(options))], **how)
    running.wait_until_ready()
    return running


def why_not_here() -> str | None:
    """Why no scenario can run on this machine, in a sentence; None if they can. Tries it, which takes some 100 ms."""
    try:
        with Running(["probe"]) as trial:
            trial.wait_until_ready()
            os.close(trial.capture)
    except LabError as error:
        return str(error)
    return None


def missing(scenario: Scenario) -> tuple[str, ...]:
    """The programs and Python modules that a scenario needs and that are not installed."""
    programs = [name for name in scenario.programs if find_program(name) is None]
    return (*programs, *(f"Python's {name}" for name in scenario.modules if find_spec(name) is None))
