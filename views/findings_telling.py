"""A finding and what its sentence needs of it: who an end is, and its numbers as people write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from analysis.segments import is_tcp
from views.durations import SECOND, address, duration, size
from views.wording import _

if TYPE_CHECKING:
    from analysis.finding import Finding
    from analysis.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Telling:
    """A finding of a connection; `micro` is the sign for microseconds."""

    snapshot: Snapshot
    connection: int
    finding: Finding
    micro: str

    @property
    def client(self) -> int:
        """The client's end: 0 for a, 1 for b."""
        return int(self.snapshot.connections.client[self.connection])

    def has(self, name: str) -> bool:
        """Whether that was found."""
        return name in self.finding.evidence

    def number(self, name: str) -> int:
        """A number."""
        return cast("int", self.finding.evidence[name])

    def numbers(self, name: str) -> tuple[int, ...]:
        """Several numbers."""
        return cast("tuple[int, ...]", self.finding.evidence[name])

    def role(self, end: int) -> str:
        """An end in words."""
        return _("client") if end == self.client else _("server")

    def end(self) -> str:
        """The end that the finding is about."""
        return self.role(self.number("end"))

    def other(self) -> str:
        """The other one."""
        return self.role(1 - self.number("end"))

    def port(self) -> int:
        """The port of the end that the finding is about."""
        return int(self.snapshot.connections.port[self.connection][self.number("end")])

    def is_tcp(self) -> bool:
        """Whether it is a finding about TCP."""
        return is_tcp(int(self.snapshot.connections.protocol[self.connection]))

    def span(self, name: str) -> str:
        """A time span."""
        return duration(self.number(name), micro=self.micro)

    def size(self, name: str) -> str:
        """A number of bytes."""
        return size(self.number(name))

    def gaps(self) -> str:
        """Time spans in seconds: `1.0, 2.0, 4.0`."""
        seconds = [gap / SECOND for gap in self.numbers("gaps_ns")]
        return ", ".join(f"{gap:.1f}" if gap >= 0.1 else f"{gap:.3f}" for gap in seconds)

    def hardware(self, number: int) -> str:
        """A hardware address."""
        return address(1, 0, number)

    def sample(self) -> str:
        """How many packets a statement rests on, where that is not all of them."""
        total = sum(map(int, self.snapshot.connections.packets[self.connection]))
        examined = self.number("examined")
        return "" if examined >= total else _(" in the first {count} packets").format(count=examined)
