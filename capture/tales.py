"""What a capture tells beside its packets: interfaces, names, comments, secrets, and what is wrong with it.

All of it may come from hostile files, so each kind is kept only up to a limit, and reaching one is a `Problem`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from capture.errors import Problem

if TYPE_CHECKING:
    from capture.batch import Interface

Told = tuple[str, tuple[Any, ...]]
"""A method of `Tales`, and what it was called with."""
MOST_INTERFACES: Final = 1 << 16  # an interface's row is a uint16
MOST_TEXTS: Final = 1 << 16  # comments, and names
MOST_TEXT_BYTES: Final = 16 << 20
MOST_SECRET_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment somebody left in the capture; `packet` is the row (from 0) of the packet it is on, or None."""

    text: str
    packet: int | None = None
    interface: int | None = None  # row of the interface list, for an interface's comment


@dataclass(slots=True)
class Tales:
    """Filled while the packets are read, by the reader's thread; lists only grow, elements are replaced whole."""

    format: str
    interfaces: list[Interface] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    secrets: list[tuple[int, bytes]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    cancelled: bool = False  # where reading stops by somebody's wish, nothing is wrong
    log: list[Told] | None = None
    """What was told since somebody took it, to be told again elsewhere (`repeat`); None: nobody wants it."""
    _text_bytes: int = 0
    _name_count: int = 0
    _secret_bytes: int = 0
    _full: set[str] = field(default_factory=set)

    def repeat(self, log: list[Told]) -> None:
        """Tell what was told to the tales of another process."""
        for what, told in log:
            getattr(self, what)(*told)

    def interface(self, interface: Interface) -> None:
        """Keep another interface, in the order of their numbers."""
        self._note("interface", interface)
        self.interfaces.append(interface)

    def comment(self, comment: Comment) -> None:
        """Keep a comment."""
        self._note("comment", comment)
        if self._room("comments", len(self.comments) < MOST_TEXTS, len(comment.text)):
            self.comments.append(comment)

    def name(self, address: str, name: str) -> None:
        """Keep a name of an address."""
        self._note("name", address, name)
        known = self.names.get(address, [])
        if name not in known and self._room("names", self._name_count < MOST_TEXTS, len(name)):
            self._name_count += 1
            self.names[address] = [*known, name]

    def secret(self, kind: int, data: bytes) -> None:
        """Keep decryption secrets."""
        self._note("secret", kind, data)
        if self._secret_bytes + len(data) <= MOST_SECRET_BYTES and len(self.secrets) < MOST_TEXTS:
            self._secret_bytes += len(data)
            self.secrets.append((kind, data))
        else:
            self._overflowed("decryption secrets")

    def dropped(self, interface: int, count: int) -> None:
        """Note how many packets an interface dropped."""
        self._note("dropped", interface, count)
        self.interfaces[interface] = replace(self.interfaces[interface], dropped=count)

    def problem(self, message: str, packet: int | None = None, offset: int | None = None) -> None:
        """Note damage."""
        self._note("problem", message, packet, offset)
        self._problem(message, packet, offset)

    def _note(self, what: str, *told: Any) -> None:
        if self.log is not None:
            self.log.append((what, told))

    def _problem(self, message: str, packet: int | None = None, offset: int | None = None) -> None:
        if not self.cancelled:
            self.problems.append(Problem(message, packet, offset))

    def _room(self, what: str, few: bool, size: int) -> bool:
        if few and self._text_bytes + size <= MOST_TEXT_BYTES:
            self._text_bytes += size
            return True
        self._overflowed(what)
        return False

    def _overflowed(self, what: str) -> None:
        if what not in self._full:
            self._full.add(what)
            self._problem(f"The capture has more {what} than are kept; the rest of them is left out.")
