"""Scenarios' parts played by the programs that are known for them, where they are installed: `--real`.

Each runs in its host's namespace with a configuration of its own, in the scenario's private directory; it is no service
of the system, knows nothing of the system's configuration, and ends with the scenario. IPVS, which the scenarios of LVS
would need, is not among them.
"""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lab.stage import Host, Stage

PATIENCE: Final = 5.0
"""Seconds for a program to be ready."""


def start(stage: Stage, host: Host, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start an installed program on a host; what it prints goes to a file of its own. Raises `LabError`."""
    path = find_program(command[0])
    if path is None:
        raise LabError(f"{command[0]} is not installed here.")
    with log_of(stage, host, command[0]).open("wb") as log:
        return host.run([path, *command[1:]], stdout=log, stderr=subprocess.STDOUT)


def log_of(stage: Stage, host: Host, program: str) -> Path:
    """The file that a program on a host prints to."""
    return stage.files / f"{host.name}-{program}.log"


def last_of(stage: Stage, host: Host, program: str) -> str:
    """What a program on a host said last."""
    said = log_of(stage, host, program).read_text("utf-8", "replace").strip().splitlines()
    return said[-1] if said else "it gave no reason"


def write(stage: Stage, name: str, text: str) -> str:
    """A file in the private directory; returns its path."""
    file = stage.files / name
    file.write_text(text, "utf-8")
    return str(file)


def wait_until(ready: Callable[[], bool], running: subprocess.Popen[bytes], why: Callable[[], str]) -> None:
    """Wait for something to be so. Raises `LabError`, with a sentence that `why` makes, if it will not."""
    end = time.monotonic() + PATIENCE
    while not ready():
        if running.poll() is not None or time.monotonic() > end:
            raise LabError(why())
        time.sleep(0.005)
