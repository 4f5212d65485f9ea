"""How numbers are written: times, durations, sizes, counts, addresses, sequence numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

from analysis.services import has_ports
from views.options import TimeFormat
from views.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.connections import Connections

MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE


def duration(nanoseconds: int, *, gap: str = " ", micro: str = "µs") -> str:
    """A time span in a unit that fits: `23 µs`, `30.1 ms`, `1.204 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h`."""
    if nanoseconds < 0:
        return "-" + duration(-nanoseconds, gap=gap, micro=micro)
    if nanoseconds == 0:
        return f"0.0{gap}ms"
    for limit, unit, name, places in (
        (MICROSECOND, 1, "ns", 0),
        (100 * MICROSECOND, MICROSECOND, micro, 0),
        (SECOND, MILLISECOND, "ms", 1),
        (MINUTE, SECOND, "s", 3),
    ):
        rounded = f"{nanoseconds / unit:.{places}f}"
        if float(rounded) * unit < limit:
            return f"{rounded}{gap}{name}"
    seconds = (nanoseconds + SECOND // 2) // SECOND
    if seconds < 3600:
        large, small = f"{seconds // 60}{gap}min", f"{seconds % 60}{gap}s"
    elif seconds < 86_400:
        large, small = f"{seconds // 3600}{gap}h", f"{seconds % 3600 // 60}{gap}min"
    else:
        large, small = f"{seconds // 86_400}{gap}d", f"{seconds % 86_400 // 3600}{gap}h"
    return large + gap + small


TIME_WIDTH: Final = {TimeFormat.DELTA: 8, TimeFormat.START: 11, TimeFormat.CLOCK: 15, TimeFormat.UTC: 15}
"""Cells that the time column takes."""


def delta(nanoseconds: int | None, *, micro: str = "µs") -> str:
    """Time since the packet before, in at most 9 cells; None for the first packet."""
    if nanoseconds is None:
        return "0.0ms"
    if abs(nanoseconds) >= MINUTE:
        whole = duration(nanoseconds, gap="", micro=micro).replace("min", "m")
        return whole if nanoseconds < 0 else "+" + whole
    return ("" if nanoseconds < 0 else "+") + duration(nanoseconds, gap="", micro=micro)


def since_start(nanoseconds: int) -> str:
    """Seconds since the capture's first packet, with microseconds."""
    sign, nanoseconds = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    return f"{sign}{nanoseconds // SECOND}.{nanoseconds % SECOND // MICROSECOND:06d}"


@lru_cache(maxsize=256)
def _local_offset(quarter: int) -> int:
    """Seconds east of Greenwich in the person's time zone, in that quarter of an hour since the epoch."""
    try:
        offset = datetime.fromtimestamp(quarter * 900, UTC).astimezone().utcoffset()
    except (OverflowError, OSError, ValueError):  # a year that this platform's C library does not know
        return 0
    return int(offset.total_seconds()) if offset else 0


def clock(time_ns: int, *, local: bool) -> str:
    """Time of day, `14:03:22.104113`."""
    seconds, rest = divmod(time_ns, SECOND)
    if local:
        seconds += _local_offset(seconds // 900)
    seconds %= 86_400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest // MICROSECOND:06d}"


def moment(time_ns: int, before_ns: int | None, start_ns: int, form: TimeFormat, *, micro: str = "µs") -> str:
    """One packet's time as the person wants it; `before_ns` is the packet's before it, None for the first."""
    if form is TimeFormat.DELTA:
        return delta(None if before_ns is None else time_ns - before_ns, micro=micro)
    if form is TimeFormat.START:
        return since_start(time_ns - start_ns)
    return clock(time_ns, local=form is TimeFormat.CLOCK)


def size(count: int) -> str:
    """Bytes: exact below 10 kB, then three digits, `12.3 kB`."""
    if count < 10_000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.{0 if value >= 99.95 else 1}f} {unit}"
    return f"{value / 1000:.0f} EB"


def count(number: int) -> str:
    """A count in at most 6 cells: exact below 100000, then `123k`, `1.2M`, `1234M`."""
    if number < 100_000:
        return str(number)
    if number < 999_500:
        return f"{number / 1000:.0f}k"
    return f"{number / 1e6:.1f}M" if number < 99_950_000 else f"{number / 1e6:.0f}M"


def address(family: int, high: int, low: int) -> str:
    """An address of `capture.headers.Endpoints`; "" for family 0."""
    if family == 4:
        return str(IPv4Address(low & 0xFFFF_FFFF))
    if family == 6:
        return str(IPv6Address(high << 64 | low))
    if family == 1:
        return ":".join(f"{low >> shift & 0xFF:02x}" for shift in range(40, -8, -8))
    return ""


NO_NAMES: Final[Mapping[str, str]] = {}


def endpoint(connections: Connections, row: int, end: int, names: Mapping[str, str] = NO_NAMES) -> str:
    """Address and port of a connection's end (0: a, 1: b), as `10.0.0.5:51000` or `[2001:db8::1]:80`.

    An address that is in `names` is called by its name.
    """
    family, transport = int(connections.family[row]), int(connections.transport[row])
    host = address(family, int(connections.address_high[row][end]), int(connections.address_low[row][end]))
    named = names.get(host)
    if not has_ports(family, transport):
        return safe(named or host)
    port = int(connections.port[row][end])
    if named:
        return f"{safe(named)}:{port}"
    return f"[{host}]:{port}" if family == 6 else f"{host}:{port}"


def shorten_middle(text: str, width: int, ellipsis: str = "…") -> str:
    """ASCII text in at most `width` cells, both ends kept: the port and the interface part tell endpoints apart."""
    if len(text) <= width:
        return text
    if width <= len(ellipsis):
        return ellipsis[: max(width, 0)]
    tail = max((width - len(ellipsis)) * 3 // 5, 1)
    return text[: width - len(ellipsis) - tail] + ellipsis + text[-tail:]


def sequence(number: int, initial: int, *, relative: bool) -> int:
    """A sequence number as shown: modulo 2^32 from the initial one (RFC 9293 section 3.4), or as on the wire."""
    return (number - initial) & 0xFFFF_FFFF if relative else number
