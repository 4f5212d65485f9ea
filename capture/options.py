"""TCP options: those of SYN segments for a whole batch, and all those of one header, named.

Sources: RFC 9293 section 3.1 (the format, MSS), 7323 (window scale, timestamps), 2018 (SACK), 7413 (Fast Open),
8684 (Multipath TCP), 5925 (TCP-AO), 5482 (user timeout), and IANA's registry of TCP option kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.gather import u8, u16
from capture.headers import SynOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from capture.gather import Rows

LONGEST: Final = 40
"""Bytes of options that a TCP header has room for."""
LARGEST_SHIFT: Final = 14
"""RFC 7323 section 2.3: a larger window scale counts as 14."""
_FAST_OPEN_MAGIC: Final = 0xF989
"""RFC 7413 section 4.1.1: Fast Open under an experimental kind."""


@dataclass(frozen=True, slots=True)
class TcpOption:
    """One option: its kind, its name, what it says in words and as numbers (empty if its length is wrong)."""

    kind: int
    name: str
    text: str
    values: tuple[int, ...]


_NAMES: Final = {
    0: "End of Option List",
    1: "No-Operation",
    2: "Maximum Segment Size",
    3: "Window Scale",
    4: "SACK Permitted",
    5: "SACK",
    8: "Timestamps",
    19: "MD5 Signature",
    28: "User Timeout",
    29: "TCP-AO",
    30: "Multipath TCP",
    34: "Fast Open Cookie",
    69: "Encryption Negotiation",
    253: "Experiment 1",
    254: "Experiment 2",
}
_MPTCP_SUBTYPES: Final = (
    "MP_CAPABLE",
    "MP_JOIN",
    "DSS",
    "ADD_ADDR",
    "REMOVE_ADDR",
    "MP_PRIO",
    "MP_FAIL",
    "MP_FASTCLOSE",
    "MP_TCPRST",
)


def syn_options(buffer: NDArray[np.uint8], segments: Sequence[tuple[Rows, Rows, Rows]]) -> SynOptions:
    """Options of segments given by row, and where in `buffer` their options begin and end (positions)."""
    empty = np.zeros(0, np.int64)
    row, at, end = (np.concatenate([empty, *parts]) for parts in zip((empty,) * 3, *segments, strict=True))
    order = np.argsort(row)
    row, at, end = row[order], at[order], end[order]
    count = len(row)
    found = SynOptions(
        row=row,
        mss=np.full(count, -1, np.int32),
        window_scale=np.full(count, -1, np.int8),
        sack_permitted=np.zeros(count, bool),
        timestamps=np.zeros(count, bool),
        fast_open=np.full(count, -1, np.int8),
    )
    here = np.flatnonzero(at < end)
    rounds: list[tuple[Rows, Rows, Rows, Rows]] = []
    while len(here):
        kind = u8(buffer, at[here])
        length = np.where(kind == 1, 1, u8(buffer, at[here] + 1))
        fits = (kind != 0) & ((kind == 1) | (length >= 2)) & (at[here] + length <= end[here])
        here, kind, length = here[fits], kind[fits], length[fits]
        rounds.append((here, at[here], kind, length))
        at[here] += length
        here = here[at[here] < end[here]]
    if rounds:  # noted together, in order: of an option that is there twice the last one counts
        _note(buffer, found, *(np.concatenate(parts) for parts in zip(*rounds, strict=True)))
    return found


def _note(buffer: NDArray[np.uint8], found: SynOptions, here: Rows, at: Rows, kind: Rows, length: Rows) -> None:
    """Write down the option at `at`; one of the wrong length says nothing."""
    mss = (kind == 2) & (length == 4)
    found.mss[here[mss]] = u16(buffer, at[mss] + 2)
    scale = (kind == 3) & (length == 3)
    found.window_scale[here[scale]] = np.minimum(u8(buffer, at[scale] + 2), LARGEST_SHIFT)
    found.sack_permitted[here[(kind == 4) & (length == 2)]] = True
    found.timestamps[here[(kind == 8) & (length == 10)]] = True
    cookie = (kind == 34) & (length <= 18)
    experiment = np.flatnonzero((kind >= 253) & (kind <= 254) & (length >= 4))
    experiment = experiment[u16(buffer, at[experiment] + 2) == _FAST_OPEN_MAGIC]
    fast_open = cookie.copy()
    fast_open[experiment] = True
    found.fast_open[here[fast_open]] = length[fast_open] - np.where(cookie[fast_open], 2, 4)


def read_options(header: bytes) -> tuple[TcpOption, ...]:
    """The options of one TCP header, given from its first byte on, in order. Stops where they stop making sense."""
    if len(header) < 20:
        return ()
    content = header[20 : max(20, (header[12] >> 4) * 4)]
    options: list[TcpOption] = []
    at = 0
    while at < len(content):
        kind = content[at]
        if kind < 2:
            options.append(TcpOption(kind, _NAMES[kind], "", ()))
            if kind == 0:
                break
            at += 1
            continue
        length = content[at + 1] if at + 1 < len(content) else 0
        if length < 2 or at + length > len(content):
            options.append(TcpOption(kind, _name(kind), "cut short, or of an impossible length", ()))
            break
        options.append(_read(kind, content[at + 2 : at + length]))
        at += length
    return tuple(options)


def _name(kind: int) -> str:
    return _NAMES.get(kind, f"Option {kind}")


def _read(kind: int, body: bytes) -> TcpOption:
    """What one option says; one without a reader of its own, or of the wrong length, is shown as its bytes."""
    reader = _READERS.get(kind)
    told = reader(body) if reader else None
    if told is None:
        return TcpOption(kind, _name(kind), body.hex(" "), ())
    name, text, values = told
    return TcpOption(kind, name or _name(kind), text, values)


_Told = tuple[str, str, tuple[int, ...]]
"""A better name than the kind's or "", words, numbers."""


def _numbers(body: bytes, size: int) -> tuple[int, ...]:
    return tuple(int.from_bytes(body[at : at + size], "big") for at in range(0, len(body), size))


def _mss(body: bytes) -> _Told | None:
    return ("", f"{_numbers(body, 2)[0]} bytes", _numbers(body, 2)) if len(body) == 2 else None


def _window_scale(body: bytes) -> _Told | None:
    if len(body) != 1:
        return None
    shift = min(body[0], LARGEST_SHIFT)
    return "", f"{body[0]} (multiply by {1 << shift})", (body[0],)


def _sack_permitted(body: bytes) -> _Told | None:
    return None if body else ("", "", ())


def _sack(body: bytes) -> _Told | None:
    """Pairs: left edge, right edge."""
    if not body or len(body) % 8:
        return None
    edges = _numbers(body, 4)
    return "", ", ".join(f"{left}-{right}" for left, right in zip(edges[::2], edges[1::2], strict=True)), edges


def _timestamps(body: bytes) -> _Told | None:
    if len(body) != 8:
        return None
    value, echo = _numbers(body, 4)
    return "", f"value {value}, echo reply {echo}", (value, echo)


def _user_timeout(body: bytes) -> _Told | None:
    if len(body) != 2:
        return None
    word = _numbers(body, 2)[0]
    unit = "minutes" if word & 0x8000 else "seconds"
    return "", f"{word & 0x7FFF} {unit}", (word,)


def _fast_open(body: bytes) -> _Told | None:
    if len(body) > 16:
        return None
    return "", f"cookie {body.hex()}" if body else "cookie request", (len(body),)


def _multipath(body: bytes) -> _Told | None:
    """RFC 8684 section 3: the subtype is the first four bits."""
    if not body:
        return None
    subtype = body[0] >> 4
    name = _MPTCP_SUBTYPES[subtype] if subtype < len(_MPTCP_SUBTYPES) else f"subtype {subtype}"
    return f"Multipath TCP {name}", body.hex(" "), (subtype,)


def _experiment(body: bytes) -> _Told | None:
    if body[:2] != _FAST_OPEN_MAGIC.to_bytes(2, "big"):
        return None
    cookie = body[2:]
    return "Fast Open Cookie (experimental)", f"cookie {cookie.hex()}" if cookie else "cookie request", (len(cookie),)


_READERS: Final[dict[int, Callable[[bytes], _Told | None]]] = {
    2: _mss,
    3: _window_scale,
    4: _sack_permitted,
    5: _sack,
    8: _timestamps,
    28: _user_timeout,
    30: _multipath,
    34: _fast_open,
    253: _experiment,
    254: _experiment,
}
