"""HTTP/1.1 as far as the lab's programs speak: one request a connection, bodies of known length (RFC 9112)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from socket import socket

    from lab.calls import NotedSocket
    from lab.stage import Host

END: Final = b"\r\n\r\n"
LARGEST: Final = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    """A request line, its fields and its body."""

    method: str
    path: str
    fields: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Response:
    """A status line, its fields and its body."""

    status: int
    fields: Mapping[str, str]
    body: str


def receive(connection: socket) -> bytes:
    """A whole message; nothing if the other end has closed before one began."""
    data = b""
    while END not in data:
        piece = connection.recv(LARGEST)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(END)
    length = int(_fields(head).get("Content-Length", "0"))
    while len(body) < length:
        body += connection.recv(LARGEST)
    return head + END + body


def _fields(head: bytes) -> dict[str, str]:
    pairs = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    return dict(pairs)


def request_of(data: bytes) -> Request:
    """A request as it came."""
    head, _, body = data.partition(END)
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ", 2)
    return Request(method, path, _fields(head), body.decode())


def response_of(data: bytes) -> Response:
    """A response as it came."""
    head, _, body = data.partition(END)
    return Response(int(head.split(b" ")[1]), _fields(head), body.decode())


def request(method: str, path: str, body: str = "", **fields: str) -> bytes:
    """A request to send."""
    return _message(f"{method} {path} HTTP/1.1", body, fields)


def reply(body: str, status: str = "200 OK", **fields: str) -> bytes:
    """A response to send."""
    return _message(f"HTTP/1.1 {status}", body, fields)


def _message(first: str, body: str, fields: Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in fields.items()), f"Content-Length: {len(body.encode())}"]
    return "\r\n".join(lines).encode() + END + body.encode()


def serve(listener: NotedSocket, count: int, answer: Callable[[Request], bytes]) -> None:
    """Be a server for `count` connections, one after the other, each of one request."""
    with listener:
        for _ in range(count):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer(request_of(receive(connection))))
                connection.recv(1)


def get(host: Host, address: str, name: str, path: str, *, via: str = "", port: int = 80) -> Response:
    """Fetch a path from a server, by a connection of its own."""
    fields = {"Host": name} | ({"Via": via} if via else {})
    with host.connect(address, port) as connection:
        connection.sendall(request("GET", path, **fields))
        return response_of(receive(connection))
