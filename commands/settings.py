"""What our libraries are told through the environment when they are imported; programs that we start are not told."""

from __future__ import annotations

import os
from typing import Final

SETTINGS: Final = {
    # One thread is enough for columns, and makes numpy start faster.
    "OPENBLAS_NUM_THREADS": "1",
    # Memory in small pages: huge ones, which numpy asks for, take a virtual machine many times as long to get from its
    # host when they have not been in use for some seconds (measured: 0.4 GB a second in place of 3).
    "NUMPY_MADVISE_HUGEPAGE": "0",
    # Textual may paint as soon as a key is handled instead of waiting for the next 60th of a second.
    "TEXTUAL_FPS": "240",
}

_before: dict[str, str] = {}


def settle() -> None:
    """Tell our libraries, where the user does not tell them otherwise. Before the first of them is imported."""
    _before.update(os.environ)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def environment_of_others() -> dict[str, str]:
    """The environment as it was before `settle`, for commands of the user's."""
    return dict(_before or os.environ)
