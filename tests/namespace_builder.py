"""Network namespaces of a test's own, so that what it sends and captures touches nothing else on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

ISOLATED = """
import ctypes, fcntl, os, socket, struct, sys
user, group, kernel = os.geteuid(), os.getegid(), ctypes.CDLL(None, use_errno=True)
if kernel.unshare(0x40000000 | (0 if user == 0 else 0x10000000)):
    sys.exit(77)
if user:
    try:
        open("/proc/self/setgroups", "w").write("deny")
        open("/proc/self/uid_map", "w").write(f"0 {user} 1")
        open("/proc/self/gid_map", "w").write(f"0 {group} 1")
    except OSError:
        sys.exit(77)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH22x", b"lo", 1))  # SIOCSIFFLAGS: up
"""
NOT_ALLOWED = 77


def isolated(code: str, *arguments: object, user: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh interpreter and network namespace whose loopback is up; exit 77: that is not allowed.

    As `user` and group of that number, if told: in a user namespace then.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", ISOLATED + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd="/",
    )
