"""What can be typed after `:`, a packet number, a time or a connection, and what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_DURATION: Final = re.compile(r"\+?(\d+(?:\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|m|min|h)")
_NANOSECONDS: Final = {
    "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "min": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?")
_CONNECTION: Final = re.compile(r"(?:c|conn|connection)\s*:?\s*(\d+)", re.IGNORECASE)
_PACKET: Final = re.compile(r"(?:packet\s*|#)?(\d+)", re.IGNORECASE)


class NotUnderstoodError(ValueError):
    """What was typed means nothing; the message says what would."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go: one of the three is set. Packets count from 1, connections from 0, `time_ns` since the epoch."""

    packet: int | None = None
    connection: int | None = None
    time_ns: int | None = None


def parse(text: str, start_ns: int, *, utc: bool) -> Place:
    """Understand a place. `start_ns` is the time of the capture's first packet, whose day a clock time is on.

    Raises `NotUnderstoodError`.
    """
    text = text.strip().lstrip(":").strip()
    if match := _CONNECTION.fullmatch(text):
        return Place(connection=int(match[1]))
    if match := _PACKET.fullmatch(text):
        return Place(packet=int(match[1]))
    if match := _DURATION.fullmatch(text):
        whole, _, fraction = match[1].partition(".")
        unit = _NANOSECONDS[match[2]]
        # Whole numbers throughout: a float would lose nanoseconds.
        part = int(fraction or 0) * unit // 10 ** len(fraction) if fraction else 0
        return Place(time_ns=start_ns + int(whole or 0) * unit + part)
    if match := _CLOCK.fullmatch(text):
        return Place(time_ns=_clock_ns(match, start_ns, utc=utc))
    raise NotUnderstoodError("Write a packet number (120), a time (+1.5s or 12:30:05) or a connection (conn 5).")


def _clock_ns(match: re.Match[str], start_ns: int, *, utc: bool) -> int:
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise NotUnderstoodError("A clock time has hours to 23, minutes and seconds to 59: 12:30:05.")
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    day = epoch + timedelta(microseconds=start_ns // 1000)
    if not utc:
        day = day.astimezone()
    moment = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
    nanoseconds = int((match[4] or "").ljust(9, "0"))
    found = round((moment - epoch) / timedelta(seconds=1)) * 10**9 + nanoseconds
    # A capture that runs past midnight: an earlier hour is the next day's.
    return found + 86_400 * 10**9 if found < start_ns // 10**9 * 10**9 else found
