"""What a word of a filter becomes: a test of connections, of packets, or of one end of a packet."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from analysis.filter_grammar import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from analysis.filter_ends import Ends
    from analysis.filter_grammar import Term
    from analysis.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class OfConnections:
    """A test that a connection passes with all its packets: gives bool (M,)."""

    mask: Callable[[Snapshot], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class OfPackets:
    """A test of single packets: gives bool (n,) for the rows of a slice."""

    mask: Callable[[Snapshot, slice], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class OfOneEnd:
    """A test of a packet's sender or, if not `sender`, of its receiver."""

    ends: Callable[[Snapshot], Ends]
    sender: bool
    other: bool  # packets that do not pass are meant


Word = OfConnections | OfPackets | OfOneEnd


def chosen(test: Term, choices: dict[str, Any]) -> list[Any]:
    """The choices that a test names, several with commas; raises `FilterError`."""
    if test.operator not in (":", "==", "in"):
        raise FilterError(f"{test.name} needs one of its values, as in {test.name}:{next(iter(choices))}.", test.at)
    found = []
    for value in (part for each in test.values for part in each.replace("+", ",").split(",")):
        word = "-".join(value.lower().replace("_", " ").split())
        if word not in choices:
            near = get_close_matches(word, choices, 1, 0.5)
            said = f"the nearest is {near[0]}" if near else "known are " + ", ".join(choices)
            raise FilterError(f"{test.name}:{value} is not known; {said}.", test.at)
        found.append(choices[word])
    return found
