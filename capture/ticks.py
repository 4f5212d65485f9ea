"""Timestamps in any resolution to nanoseconds since the epoch, exactly: never a float, never an overflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FURTHEST_SECOND: Final = 9_223_372_035
"""Seconds that still fit the int64 of nanoseconds with any fraction (the year 2262); times are held within it."""

_BILLION: Final = 1_000_000_000


def nanoseconds(ticks: NDArray[np.uint64], resolution: int, offset: int = 0) -> NDArray[np.int64]:
    """Ticks (N,) to ns (N,), rounded down.

    `resolution` is if_tsresol: a power of 10 below the second, or of 2 with its highest bit set; `offset` is
    if_tsoffset, whole seconds to add (pcapng specification, Interface Description Block).
    """
    exponent = resolution & 0x7F
    seconds, fraction = _binary(ticks, exponent) if resolution & 0x80 else _decimal(ticks, exponent)
    whole = _moved(seconds, offset)
    return whole * _BILLION + fraction.astype(np.int64)


def _moved(seconds: NDArray[np.uint64], offset: int) -> NDArray[np.int64]:
    """Seconds plus the offset, held within `FURTHEST_SECOND`: 64 bits of either may cancel the other's."""
    furthest = np.uint64(FURTHEST_SECOND)
    if offset >= 0:
        near = np.minimum(seconds, furthest).astype(np.int64)
        return np.minimum(near + min(offset, FURTHEST_SECOND), FURTHEST_SECOND)
    back = np.uint64(-offset)
    after = seconds >= back
    gap = np.minimum(np.where(after, seconds - back, back - seconds), furthest).astype(np.int64)
    return np.where(after, gap, -gap)


def resolution_seconds(resolution: int) -> float:
    """The length of one tick in seconds, for people: not for reckoning."""
    return float((2.0 if resolution & 0x80 else 10.0) ** -(resolution & 0x7F))


def _decimal(ticks: NDArray[np.uint64], exponent: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Seconds and nanoseconds of ticks of 10^-exponent s."""
    if exponent <= 9:
        unit = np.uint64(10**exponent)
        return ticks // unit, ticks % unit * np.uint64(10 ** (9 - exponent))
    if exponent - 9 > 19:  # 64 bits of such ticks are less than a nanosecond
        return np.zeros_like(ticks), np.zeros_like(ticks)
    whole = ticks // np.uint64(10 ** (exponent - 9))
    return whole // np.uint64(_BILLION), whole % np.uint64(_BILLION)


def _binary(ticks: NDArray[np.uint64], exponent: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Seconds and nanoseconds of ticks of 2^-exponent s."""
    if exponent < 64:
        seconds = ticks >> np.uint64(exponent)
        rest = ticks & np.uint64((1 << exponent) - 1)
    else:
        seconds, rest = np.zeros_like(ticks), ticks
    if exponent <= 32:
        return seconds, (rest * np.uint64(_BILLION)) >> np.uint64(exponent)
    # rest × 10^9 needs 94 bits: in two words of 32, of which the lower cannot change the result
    low = (rest & np.uint64(0xFFFF_FFFF)) * np.uint64(_BILLION)
    high = (rest >> np.uint64(32)) * np.uint64(_BILLION) + (low >> np.uint64(32))
    return seconds, high >> np.uint64(exponent - 32) if exponent - 32 < 64 else np.zeros_like(ticks)
