"""Runs a command in a network of its own, where only loopback is, beside a process that captures there.

    python -m lab.sandbox --control FD --orders FD -- COMMAND…

    outside ── ends on SIGTERM
      └─ PID 1 of new namespaces ── obeys orders, reaps, tells how the command ended
           ├─ `capture.live.helper`, which serves the socket FD
           └─ the command, as the user who asked for it

`--orders` is a socket of single bytes: `GO` starts the command, `TERMINATE` asks it to end, `KILL` ends it, and the end
of the socket ends everything. What it answers is the command's exit status in decimal digits.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import select
import signal
import socket
import sys
from typing import Final

from lab.errors import NotAllowedError
from lab.isolation import as_first_process, die_with_parent, furnish, isolate
from lab.netlink import Netlink

GO, TERMINATE, KILL = b"g", b"t", b"k"
NOT_FOUND: Final = 127
NOT_STARTED: Final = 126
REFUSED: Final = 3
"""The exit status where namespaces are not allowed; why stands on standard error."""

LOOK_MS: Final = 20


def play(control: int, orders: socket.socket, command: list[str], user: tuple[int, int] | None) -> int:
    """Be PID 1: capture, start the command when told, wait for it and then for the end of the capture."""
    furnish("netviz")
    with Netlink() as netlink:
        netlink.set_up("lo")
    helper = os.fork()
    if helper == 0:
        from capture.live.helper import main as serve  # noqa: PLC0415 - nothing else here needs it

        orders.close()
        os._exit(serve(control))
    os.close(control)
    child = 0
    status: int | None = None
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    while True:
        if poll.poll(LOOK_MS):
            order = orders.recv(1)
            if order in (b"", KILL):
                return status if status is not None else 128 + signal.SIGKILL
            if order == GO:
                child = _begin(command, user, orders)
            elif child and status is None:
                os.kill(child, signal.SIGTERM)
        ended, how = _reaped()
        if ended == child and child:
            status = _status(how)
            orders.send(b"%d" % status)
        elif ended == helper and status is not None:
            return status


def _reaped() -> tuple[int, int]:
    """A child that has ended and how, or (0, 0); those of others that were left behind come to PID 1 as well."""
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def _status(how: int) -> int:
    code = os.waitstatus_to_exitcode(how)
    return code if code >= 0 else 128 - code


def _begin(command: list[str], user: tuple[int, int] | None, orders: socket.socket) -> int:
    """Start the command; `user` and group are those that root gives up being root for."""
    child = os.fork()
    if child:
        return child
    try:
        orders.close()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if user is not None:
            os.setgroups([])
            os.setresgid(user[1], user[1], user[1])
            os.setresuid(user[0], user[0], user[0])
        os.execvp(command[0], command)  # noqa: S606 - the user's own command; capabilities go with it
    except FileNotFoundError:
        print(f"netviz: There is no command {command[0]}.", file=sys.stderr)
        os._exit(NOT_FOUND)
    except OSError as error:
        print(f"netviz: {command[0]} cannot be started: {error.strerror}.", file=sys.stderr)
        os._exit(NOT_STARTED)


def caller() -> tuple[int, int] | None:
    """Whom sudo was called by; None: the command runs as we do."""
    if os.geteuid() == 0 and "SUDO_UID" in os.environ and "SUDO_GID" in os.environ:
        return int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
    return None


def main() -> int:
    """Go inside and play; returns the command's exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--parent", type=int, default=os.getppid())
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    orders = socket.socket(fileno=arguments.orders)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, and for netviz
    user = caller()
    try:
        isolate(as_root=False)
    except NotAllowedError as error:
        print(error, file=sys.stderr)
        return REFUSED
    die_with_parent(arguments.parent)
    ctypes.CDLL(None)  # loaded before the fork, so that PID 1 need not
    return as_first_process(
        lambda: play(arguments.control, orders, arguments.command, user), None, ends=(signal.SIGTERM, signal.SIGHUP)
    )


if __name__ == "__main__":
    sys.exit(main())
