"""The layers of three models: OSI's seven, the five of textbooks, and the four of TCP/IP (RFC 1122 section 1.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Level(NamedTuple):
    """One layer of a model: what it is called there, and the OSI layers (1 to 7) that it takes in."""

    label: str  # "L4"
    name: str  # "transport"
    osi: tuple[int, ...]


MODELS: Final[Mapping[int, tuple[Level, ...]]] = {
    7: (
        Level("L7", "application", (7,)),
        Level("L6", "presentation", (6,)),
        Level("L5", "session", (5,)),
        Level("L4", "transport", (4,)),
        Level("L3", "network", (3,)),
        Level("L2", "data link", (2,)),
        Level("L1", "physical", (1,)),
    ),
    5: (
        Level("L5", "application", (5, 6, 7)),
        Level("L4", "transport", (4,)),
        Level("L3", "network", (3,)),
        Level("L2", "data link", (2,)),
        Level("L1", "physical", (1,)),
    ),
    4: (
        Level("L4", "application", (5, 6, 7)),
        Level("L3", "transport", (4,)),
        Level("L2", "internet", (3,)),
        Level("L1", "link", (1, 2)),
    ),
}
"""The layers of each model by its number of layers, the highest first."""


def level_of(osi: int, model: int) -> Level:
    """The layer of `model` that takes in the OSI layer `osi`. Raises KeyError for a model that there is not."""
    return next(level for level in MODELS[model] if osi in level.osi)
