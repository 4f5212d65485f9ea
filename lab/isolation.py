"""Puts the calling process into namespaces of its own, and tells why where that is not allowed.

    process that was started ── waits, ends on a signal or when time is up
      └─ PID 1 of a new PID namespace ── does the work; when it ends, the kernel ends everything in there

The process must have one thread. However it ends, even by SIGKILL, nothing is left behind: each process dies with its
parent, and namespaces die with their last process.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab import namespaces as ns
from lab.causes import why_not
from lab.errors import LabError, NotAllowedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

FILES: Final = ("/dev/shm", "/mnt")  # noqa: S108 - covered by an empty file system that nobody else sees
"""Where a private file system may stand: directories that exist everywhere and hold no program of ours."""

ENDS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

TIMED_OUT: Final = 124
"""The exit status when time was up, as that of timeout(1)."""


def isolate(*, as_root: bool) -> None:
    """Enter new user (unless root), network, mount, host-name and PID namespaces; the next fork is PID 1 there.

    `as_root`: be root inside, which is the caller outside; else keep the number. Raises `NotAllowedError`.
    """
    user, group = os.getuid(), os.getgid()
    kinds = ns.CLONE_NEWNET | ns.CLONE_NEWNS | ns.CLONE_NEWUTS | ns.CLONE_NEWPID
    try:
        ns.control(ns.PR_SET_NO_NEW_PRIVS, 1)
        if not _enter_as_root(kinds):
            ns.unshare(ns.CLONE_NEWUSER | kinds)
            ns.map_user(0 if as_root else user, 0 if as_root else group, user, group)
        ns.mount("none", "/", "none", ns.MS_REC | ns.MS_PRIVATE)
    except OSError as error:
        raise NotAllowedError(why_not(error)) from error


def _enter_as_root(kinds: int) -> bool:
    """As real root no user namespace is needed; in a container root may lack the right, and does as others do."""
    if os.geteuid() != 0:
        return False
    try:
        ns.unshare(kinds)
    except OSError as error:
        if error.errno == errno.EPERM:
            return False
        raise
    return True


def die_with_parent(parent: int) -> None:
    """Be killed when the thread that started us ends; at once if it has ended. The kernel forgets this at unshare."""
    ns.control(ns.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def as_first_process(work: Callable[[], int], seconds: float | None, ends: Sequence[int] = ENDS) -> int:
    """Run `work` as PID 1 of the new PID namespace; returns its exit status, or 128 and the number of a signal.

    After `seconds` it is killed, and the status is `TIMED_OUT`. Each of the signals `ends` kills it, too.
    """
    alive, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        ns.control(ns.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.set_blocking(alive, False)
        _only_if_parent_lives(alive)
        os._exit(work())
    os.close(alive)
    return _wait(child, seconds, ends)


def _only_if_parent_lives(alive: int) -> None:
    """In its PID namespace the parent has no number, so a pipe tells whether it was there when the signal was set."""
    try:
        gone = os.read(alive, 1) == b""
    except BlockingIOError:
        return
    if gone:
        os._exit(TIMED_OUT)


def _wait(child: int, seconds: float | None, ends: Sequence[int]) -> int:
    timed_out = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal timed_out
        del frame
        timed_out = number == signal.SIGALRM
        os.kill(child, signal.SIGKILL)  # it is not reaped as long as this may be called, so the number is its own

    for number in (signal.SIGALRM, *ends):
        signal.signal(number, end)
    if seconds is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    for number in (signal.SIGALRM, *ends):
        signal.signal(number, signal.SIG_IGN)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if timed_out:
        return TIMED_OUT
    return status if status >= 0 else 128 - status


def furnish(name: str) -> Path:
    """Make the namespaces a place to work in: a host name, a fresh /proc, and a private directory, which is returned.

    Raises `LabError` if no private file system can be mounted.
    """
    socket.sethostname(name)
    try:
        ns.mount("proc", "/proc", "proc", ns.MS_NOSUID | ns.MS_NODEV | ns.MS_NOEXEC)
    except OSError as error:
        # A container that hides parts of /proc refuses this; the old one is good enough for all but process numbers.
        if error.errno not in (errno.EPERM, errno.EACCES):
            raise
    for place in FILES:
        if Path(place).is_dir():
            try:
                ns.mount("tmpfs", place, "tmpfs", ns.MS_NOSUID | ns.MS_NODEV, "size=64m,mode=0755")
            except OSError as error:
                raise LabError(f"No private file system could be mounted on {place}: {error.strerror}.") from error
            return Path(place)
    raise LabError(f"There is none of the directories {', '.join(FILES)} to mount a private file system on.")
