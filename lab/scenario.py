"""What a scenario is: a network, programs on its hosts, where to capture, and the story that must come out of it.

See `lab.scenarios` for how to write one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.network import Network
    from lab.stage import Stage

SECONDS: Final = 20.0
"""After which a scenario is ended by force, unless it says otherwise."""


class Unit(Enum):
    """What an option counts, and how it is typed."""

    MILLISECONDS = "20ms"
    PERCENT = "3%"
    COUNT = "5"


class Level(Enum):
    """How much of a second run is the same: the finest level that always holds."""

    ORDER = "the same packets in the same order"
    CONVERSATION = "the same packets in each conversation"
    DATA = "the same packets from each end of each conversation, pure ACKs aside"
    OUTCOME = "the same connections with the same outcomes"


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be asked for: `--loss 3%`. Values are numbers: ms, per cent, or a count."""

    name: str
    unit: Unit
    default: float
    help: str
    least: float = 0
    most: float = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """What the report must say of one connection; None and what is left out are not judged.

    `states` are the client's and the server's at the end; `findings` are codes that must be among those told, and
    `marks` the least number of each mark, both ends together, in the recorded run.
    """

    protocol: str = "tcp"
    outcome: str | None = None
    states: tuple[str, str] | None = None
    history: str | None = None
    findings: tuple[str, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """What must come out: connections in the order of their first packets, the programs' answers, what repeats."""

    connections: tuple[Told, ...]
    answers: tuple[str, ...] | None = None
    same: Level = Level.CONVERSATION


@dataclass(frozen=True, slots=True)
class Real:
    """A scenario with an installed program in its part: `--real`.

    Its pace is its own, so that less is said of it: `told` are connections that must be among those told, in this
    order, and `answers` what the programs say.
    """

    program: str
    line: str
    play: Callable[[Stage], None]
    told: tuple[Told, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Real traffic for some topics of the list in `lab.topics`.

    `points` are the capture points, the first of them the one that tells the story alone; `programs` are commands and
    `modules` Python modules that must be installed. `network` makes the plan from the options' values, `play` runs the
    programs and returns when all is said.
    """

    name: str
    topics: tuple[int, ...]
    line: str
    network: Callable[[Mapping[str, float]], Network]
    play: Callable[[Stage], None]
    story: Story
    points: tuple[str, ...] = ("client:eth0",)
    options: tuple[Option, ...] = ()
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    snap_length: int = 0
    seconds: float = SECONDS
    real: Real | None = None
    only_ipv4: str = ""
    """Why it is not played over IPv6, in a few words; "" if it is, by `--ipv6`."""
    by: str = ""
    """The program that plays its part, where it is not played by hand."""

    def as_real(self) -> Scenario:
        """The same with the installed program; itself where there is none to be had."""
        if self.real is None:
            return self
        real, programs = self.real, (*self.programs, self.real.program)
        return replace(self, line=real.line, play=real.play, programs=programs, real=None, by=real.program)

    def values(self, given: Mapping[str, float]) -> dict[str, float]:
        """The value of each option: the one given, or the default."""
        return {option.name: given.get(option.name, option.default) for option in self.options}


def delay(default: float) -> Option:
    """`--delay`: how long a packet is on its way, one way."""
    return Option("delay", Unit.MILLISECONDS, default, "Time on the way, one way.")


def loss(default: float) -> Option:
    """`--loss`: the share of packets that are lost, the same ones in each run."""
    return Option("loss", Unit.PERCENT, default, "Share of packets that get lost.", most=60)


def clients(default: int, most: int = 50) -> Option:
    """`--clients`: how many there are."""
    return Option("clients", Unit.COUNT, default, "Number of clients.", least=1, most=most)
