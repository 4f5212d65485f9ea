"""Why namespaces cannot be made on this machine, and what would allow it.

Sources: user_namespaces(7), the kernel's Documentation/admin-guide/sysctl/user.rst, Ubuntu's release notes on
unprivileged user namespaces (23.10), measurements on Debian 12. What could not be tried there are the sysctl
kernel.unprivileged_userns_clone (older Debian and Arch) and Ubuntu's AppArmor rule, which was imitated.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

LIMIT: Final = Path("/proc/sys/user/max_user_namespaces")
SWITCH: Final = Path("/proc/sys/kernel/unprivileged_userns_clone")
APPARMOR: Final = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
STATUS: Final = Path("/proc/self/status")

ROOT: Final = "or run it as root: sudo netviz …"


def why_not(error: OSError) -> str:
    """The sentence for a step towards namespaces that failed with `error`."""
    if error.errno == errno.ENOSYS or not Path("/proc/self/ns/net").exists():
        return "The lab needs Linux with network namespaces, which this system does not have."
    if _says(LIMIT, "0"):
        return (
            "User namespaces are turned off (user.max_user_namespaces is 0): "
            f"sudo sysctl user.max_user_namespaces=1000, {ROOT}."
        )
    if error.errno == errno.ENOSPC:
        return (
            "There are already as many namespaces as user.max_user_namespaces or its relatives allow: "
            "end other sandboxes, or raise it."
        )
    if _says(SWITCH, "0"):
        return f"Only root may make user namespaces here: sudo sysctl kernel.unprivileged_userns_clone=1, {ROOT}."
    if _says(APPARMOR, "1"):
        return (
            "AppArmor keeps unprivileged programs from using user namespaces here (Ubuntu 23.10 and later): "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with “userns,” for "
            f"netviz, {ROOT}."
        )
    if error.errno == errno.EPERM and _seccomp():
        return (
            "A seccomp filter, as containers have, forbids making namespaces: start the container with "
            "--security-opt seccomp=unconfined, or run netviz outside of it."
        )
    if error.errno == errno.EINVAL:
        return "The process that should enter namespaces has several threads, which is a fault of netviz."
    where = error.filename or "system call"
    return f"Namespaces cannot be made here ({where}: {error.strerror}): {ROOT.removeprefix('or ')}."


def _says(file: Path, value: str) -> bool:
    try:
        return file.read_text("ascii").strip() == value
    except OSError:
        return False


def _seccomp() -> bool:
    """Whether a filter judges this process's system calls (`Seccomp: 2`)."""
    try:
        return "\nSeccomp:\t2" in STATUS.read_text("ascii")
    except OSError:
        return False
