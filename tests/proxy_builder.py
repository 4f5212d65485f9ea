"""Clients, a proxy and a back end: connections that are opened and used at given times, for tests of causes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures import containers, wire

if TYPE_CHECKING:
    from pathlib import Path

MS = 10**6
START = 1_700_000_000 * 10**9
CLIENT, OTHER, PROXY, BACKEND, SECOND = (f"10.0.0.{number}" for number in (1, 3, 2, 11, 12))
HARDWARE = {CLIENT: 1, PROXY: 2, OTHER: 3, BACKEND: 11, SECOND: 12}
FRONT, BACK = ((CLIENT, 40001), (PROXY, 80)), ((PROXY, 50001), (BACKEND, 8080))


class Network:
    """Connections that are opened and used at given milliseconds."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.numbers: dict[tuple[str, int, str, int], int] = {}
        self.latest: dict[tuple[str, int, str, int], bytes] = {}

    def segment(self, ms: float, one: tuple[str, int], other: tuple[str, int], flags: int, data: bytes = b"") -> None:
        sent, got = self.numbers.setdefault((*one, *other), 1000), self.numbers.setdefault((*other, *one), 1000)
        self.numbers[*one, *other] = sent + len(data) + bool(flags & 2)
        tcp = wire.tcp(
            one, other, sequence=sent, acknowledgment=got if flags & 16 else 0, flags=flags, window=9000, payload=data
        )
        packet = wire.ip(one[0], other[0], wire.TCP, tcp, identification=len(self.frames) + 1)
        frame = wire.ethernet(wire.mac(HARDWARE[one[0]]), wire.mac(HARDWARE[other[0]]), wire.IPV4, packet)
        self.frames.append((START + round(ms * MS), frame))
        self.latest[*one, *other] = frame

    def open(self, ms: float, one: tuple[str, int], other: tuple[str, int]) -> None:
        self.segment(ms, one, other, 2)
        self.segment(ms + 0.01, other, one, 18)
        self.segment(ms + 0.02, one, other, 16)

    def say(self, ms: float, one: tuple[str, int], other: tuple[str, int], data: bytes) -> None:
        self.segment(ms, one, other, 24, data)

    def again(self, ms: float, one: tuple[str, int], other: tuple[str, int]) -> None:
        """The latest packet of one end once more."""
        self.frames.append((START + round(ms * MS), self.latest[*one, *other]))

    def written(self, folder: Path) -> Path:
        """A capture of all of it, in the order of time."""
        file = folder / "some.pcap"
        file.write_bytes(containers.pcap(sorted(self.frames, key=lambda frame: frame[0])))
        return file


def get(path: str, **fields: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def ok(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
