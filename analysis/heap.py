"""What the C library does with memory that is given back to it.

Analysis makes and drops arrays of some hundred kilobytes for each batch. By default glibc returns them to the system
time and again, which then has to clear every page anew: a twelfth of the time that a large capture takes.
"""

from __future__ import annotations

import ctypes
from typing import Final

# mallopt(3), malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
LARGEST_KEPT: Final = 32 << 20
"""Larger arrays, such as columns of tables, are maps of their own as before; glibc takes no higher threshold."""
KEPT: Final = 1 << 30
"""Free memory at the end of the heap is kept up to so much. It is never more than what was in use at one time."""


def keep_freed_memory() -> None:
    """Keep what this process frees from now on for its next arrays, where the C library can be told to."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # musl, macOS: they have policies of their own
        return
    mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT)
    mallopt(_M_TRIM_THRESHOLD, KEPT)
