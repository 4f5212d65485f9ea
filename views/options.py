"""How a person wants things shown: one frozen value that every view takes. The keys are those of the screens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique


@unique
class TimeFormat(Enum):
    """What a time column tells (`t`)."""

    DELTA = "delta"  # since the packet before it in the same view
    START = "start"  # since the capture's first packet
    CLOCK = "clock"  # time of day where the person is
    UTC = "utc"


@unique
class Colour(Enum):
    """What colour means on arrows (`o`)."""

    FLAGS = "flags"
    CONNECTION = "connection"
    DIRECTION = "direction"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that changes what views say. `model` is the number of layers: 7 (OSI), 5, or 4 (TCP/IP)."""

    relative: bool = True
    time: TimeFormat = TimeFormat.DELTA
    two_rows: bool = False
    ascii: bool = False
    model: int = 7
    colour: Colour = Colour.FLAGS
    names: bool = False
