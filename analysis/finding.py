"""What a finding is: something an expert would say of a connection, with its severity, its packet and its evidence.

`analysis.findings` gathers them; here stands what can be found and how grave it is, and nothing else decides that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum, unique
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = int | tuple[int, ...]


@unique
class Severity(IntEnum):
    """A note explains what is seen, a warning costs time or data, an error kept the connection from its purpose."""

    NOTE = 0
    WARNING = 1
    ERROR = 2

    @property
    def label(self) -> str:
        """The word of the report."""
        return self.name.lower()


@unique
class Code(StrEnum):
    """What can be found; the values are the report's words."""

    REFUSED = "refused"
    NO_ANSWER = "no-answer"
    HALF_OPEN = "half-open"
    HALF_CLOSED = "half-closed"
    RESET = "reset"
    ZERO_WINDOW = "zero-window"
    LOSS = "loss"
    EARLY_RETRANSMISSION = "early-retransmission"
    ONE_SIDED = "one-sided"
    ASYMMETRIC_ROUTE = "asymmetric-route"
    MSS_MISMATCH = "mss-mismatch"
    WINDOW_SCALE_MISMATCH = "window-scale-mismatch"
    OFFLOADED_SEGMENTS = "offloaded-segments"
    BAD_CHECKSUM = "bad-checksum"
    CHECKSUM_OFFLOAD = "checksum-offload"
    CLOCK_BACKWARDS = "clock-backwards"
    DUPLICATED_PACKETS = "duplicated-packets"
    KEEP_ALIVE_ONLY = "keep-alive-only"
    PORT_REUSED_EARLY = "port-reused-early"
    ICMP_ERROR = "icmp-error"

    @property
    def bit(self) -> int:
        """Its bit in a mask of candidates."""
        return BITS[self]


BITS: Final = {code: 1 << place for place, code in enumerate(Code)}

SEVERITIES: Final[Mapping[Code, tuple[Severity, Severity]]] = {
    # code: (as a rule, when it is `grave` in the sense told beside it)
    Code.REFUSED: (Severity.ERROR, Severity.ERROR),
    Code.NO_ANSWER: (Severity.ERROR, Severity.ERROR),
    Code.HALF_OPEN: (Severity.ERROR, Severity.ERROR),
    Code.HALF_CLOSED: (Severity.NOTE, Severity.WARNING),  # for longer than Linux keeps an orphaned FIN-WAIT-2
    Code.RESET: (Severity.NOTE, Severity.ERROR),  # before either end had closed
    Code.ZERO_WINDOW: (Severity.NOTE, Severity.WARNING),  # the sender stood still for a second or more
    Code.LOSS: (Severity.NOTE, Severity.WARNING),  # one segment in a hundred and more than one, or a second lost
    Code.EARLY_RETRANSMISSION: (Severity.NOTE, Severity.NOTE),
    Code.ONE_SIDED: (Severity.WARNING, Severity.WARNING),
    Code.ASYMMETRIC_ROUTE: (Severity.NOTE, Severity.NOTE),
    Code.MSS_MISMATCH: (Severity.NOTE, Severity.NOTE),
    Code.WINDOW_SCALE_MISMATCH: (Severity.NOTE, Severity.WARNING),  # an end sent more than one unscaled window
    Code.OFFLOADED_SEGMENTS: (Severity.NOTE, Severity.NOTE),
    Code.BAD_CHECKSUM: (Severity.WARNING, Severity.WARNING),
    Code.CHECKSUM_OFFLOAD: (Severity.NOTE, Severity.NOTE),
    Code.CLOCK_BACKWARDS: (Severity.NOTE, Severity.WARNING),  # the clock of one interface
    Code.DUPLICATED_PACKETS: (Severity.NOTE, Severity.WARNING),  # on one interface: they look like retransmissions
    Code.KEEP_ALIVE_ONLY: (Severity.NOTE, Severity.NOTE),
    Code.PORT_REUSED_EARLY: (Severity.NOTE, Severity.WARNING),  # and the new connection was not opened
    Code.ICMP_ERROR: (Severity.NOTE, Severity.WARNING),  # it says that nothing arrives, not how to send better
}
"""The rules of severity, all of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `evidence` holds numbers: times in ns, sizes in bytes, an end as 0 (a) or 1 (b)."""

    code: Code
    packet: int | None  # row of the packet table that shows it best
    evidence: Mapping[str, Value]
    grave: bool = False

    @property
    def severity(self) -> Severity:
        """As `SEVERITIES` says."""
        return SEVERITIES[self.code][self.grave]
