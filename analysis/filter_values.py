"""What stands behind a word of a filter, a number with a unit, an address, a range of ports, and what it means."""

from __future__ import annotations

import operator
import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from analysis.filter_grammar import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from analysis.filter_grammar import Term

COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    ":": operator.eq, "==": operator.eq, "in": operator.eq, "!=": operator.ne,
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
SECONDS: Final = {
    "": 10**9, "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
BYTES: Final = {"": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9}
PLAIN: Final = {"": 1}

_NUMBER: Final = re.compile(r"(0x[0-9a-f]+|\d+(?:\.\d+)?)([a-zµ]*)", re.IGNORECASE)
_RANGE: Final = re.compile(r"(.+?)(?:\.\.|-)(.+)")
_MAC: Final = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}", re.IGNORECASE)


def number(text: str, units: Mapping[str, int], test: Term) -> int:
    """A number in the smallest of `units`; raises `FilterError`."""
    match = _NUMBER.fullmatch(text)
    if match is None or match[2].lower() not in units:
        example = "50ms" if units is SECONDS else "10kB" if units is BYTES else "80"
        raise FilterError(f"{text!r} behind {test.name} is no number like {example}.", test.at)
    unit = units[match[2].lower()]
    if match[1].lower().startswith("0x"):
        return min(int(match[1], 16), 1 << 62) * unit
    whole, _, fraction = match[1].partition(".")
    part = int(fraction) * unit // 10 ** len(fraction) if fraction else 0
    return min(int(whole) * unit + part, 1 << 62)


class Numbers(NamedTuple):
    """A comparison with numbers: with one bound by `operator`, or with any of some ranges (both ends included)."""

    operator: str
    ranges: tuple[tuple[int, int], ...]

    def __call__(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """For each value whether it is one of those."""
        low, high = self.ranges[0]
        if self.operator not in (":", "==", "in", "!="):
            found: NDArray[np.bool_] = COMPARE[self.operator](values, low)
            return found
        found = self._between(values, low, high)
        for more_low, more_high in self.ranges[1:]:
            found |= self._between(values, more_low, more_high)
        return ~found if self.operator == "!=" else found

    @staticmethod
    def _between(values: NDArray[Any], low: int, high: int) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (values == low) if low == high else (values >= low) & (values <= high)
        return found


def numbers(test: Term, units: Mapping[str, int]) -> Numbers:
    """What a test compares a number with: `80`, `80-90` or `80,443` behind a colon, one number behind an operator."""
    if test.operator not in COMPARE:
        raise FilterError(f"{test.name} needs a value, as in {test.name} > 0 or {test.name}:80.", test.at)
    texts = (
        [part for value in test.values for part in value.split(",")] if test.operator in (":", "in") else test.values
    )
    ranges = []
    for text in texts:
        match = _RANGE.fullmatch(text)
        if match is not None and test.operator not in (">", "<", ">=", "<="):
            ranges.append((number(match[1], units, test), number(match[2], units, test)))
        else:
            value = number(text, units, test)
            ranges.append((value, value))
    return Numbers(test.operator, tuple(ranges))


def truth(test: Term) -> bool:
    """What a Wireshark flag is compared with: 1 or 0, true or false."""
    wanted = {"1": True, "true": True, "0": False, "false": False}.get("".join(test.values).lower())
    if wanted is None or test.operator not in (":", "==", "!="):
        raise FilterError(f"{test.name} is compared with 1 or 0: {test.name} == 1.", test.at)
    return wanted == (test.operator != "!=")


class Block(NamedTuple):
    """Addresses of one family whose bits under the masks are these."""

    family: int  # as in capture.headers.Endpoints
    high: int
    high_mask: int
    low: int
    low_mask: int


WORD: Final = (1 << 64) - 1


def block(text: str) -> Block | None:
    """The block of addresses that a text names (IPv4 or IPv6, alone or with a prefix length; MAC); None: it is none."""
    if _MAC.fullmatch(text):
        return Block(1, 0, 0, int(re.sub("[:-]", "", text), 16), WORD)
    try:
        network = ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
    address, mask = int(network.network_address), int(network.netmask)
    if network.version == 4:
        return Block(4, 0, 0, address, mask)
    return Block(6, address >> 64, mask >> 64, address & WORD, mask & WORD)
