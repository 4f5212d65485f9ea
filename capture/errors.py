"""What can go wrong while reading a capture, in sentences a user can act on.

    CaptureError                the base: one sentence with the cause, the place and the way out
    ├── UnreadableFileError     missing, a directory, no permission, an input/output error
    ├── NotACaptureError        the bytes are no capture format that netviz knows
    └── UnsupportedCaptureError a capture, but of a version or compression that cannot be read here

A capture that is damaged further on raises none of these: what comes before the damage is kept, and the
damage is told by a `Problem`.
"""

from __future__ import annotations

from dataclasses import dataclass


class CaptureError(Exception):
    """The capture cannot be opened at all; `str(error)` is the sentence to show."""


class UnreadableFileError(CaptureError):
    """The operating system does not give us the bytes."""


class NotACaptureError(CaptureError):
    """The bytes are not a capture."""


class UnsupportedCaptureError(CaptureError):
    """A capture in a form that this installation cannot read; the sentence says what would help."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Damage found while reading: everything before it was kept.

    `packet` is the number (from 1) of the packet that could not be read, `offset` the position in the capture
    (after decompression) in bytes, `message` one sentence that says what and where.
    """

    message: str
    packet: int | None = None
    offset: int | None = None
