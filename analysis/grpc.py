"""gRPC on HTTP/2: calls, statuses and how many messages (gRPC's own "gRPC over HTTP2" and "Status codes")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE: Final = re.compile(r"application/grpc(?![\w-])")
"""gRPC-Web, whose trailers are in the body, is another protocol."""
STATUS: Final = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
PREFIX: Final = 5
"""Bytes before a message: whether it is compressed, and its length."""


class Messages:
    """Counts the messages in one end's data of a stream."""

    def __init__(self) -> None:
        self.count = 0
        self._prefix = b""
        self._rest = 0

    def feed(self, data: bytes) -> None:
        """More data."""
        at = 0
        while at < len(data):
            if self._rest:
                passed = min(self._rest, len(data) - at)
                self._rest -= passed
                at += passed
            else:
                taken = data[at : at + PREFIX - len(self._prefix)]
                self._prefix += taken
                at += len(taken)
                if len(self._prefix) == PREFIX:
                    self._rest, self._prefix = int.from_bytes(self._prefix[1:]), b""
                    self.count += 1


def called(path: str) -> str:
    """`greeter.Greeter/SayHello`."""
    return path.removeprefix("/")


def outcome(trailers: Mapping[str, str], messages: int) -> tuple[str, str]:
    """The status as `grpc-status 5 NOT_FOUND`, and the result: how many messages, or what went wrong."""
    came = f"{messages} message{'s' * (messages != 1)}"
    code = trailers.get("grpc-status", "")
    known = code.isascii() and code.isdigit() and len(code) < 4 and int(code) < len(STATUS)
    name = STATUS[int(code)] if known else "unknown"
    if not code:
        return "no grpc-status", came
    status = f"grpc-status {code} {name}"
    if code == "0":
        return status, f"{came}, OK"
    message = unquote(trailers.get("grpc-message", ""))
    return status, ": ".join(part for part in (f"fault {name}", message) if part)
