"""The door to `capture`: opens a file or standard input, finds out what it is, and hands on its packets."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from capture import pcap, pcapng, snoop
from capture.compression import MAGIC_LENGTH, compression_of, unpacked
from capture.errors import CaptureError, NotACaptureError, UnreadableFileError, UnsupportedCaptureError
from capture.growing import GrowingStore
from capture.pcap import PcapReader
from capture.pcapng import PcapngReader
from capture.snoop import SnoopReader
from capture.store import DamagedStoreError, FileStore, SpoolStore
from capture.stream import RawInput
from capture.tales import Tales
from capture.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.batch import Batch, Interface
    from capture.errors import Problem
    from capture.fingerprint import Fingerprint
    from capture.store import ByteStore
    from capture.tales import Comment, Told

STANDARD_INPUT: Final = "-"

_FOREIGN: Final = {  # formats we can name, by how they begin
    b"\x54\x52\x53\x4e\x49\x46\x46": "a Sniffer capture",
    b"\x52\x54\x53\x53": "a Network Monitor 1 capture",
    b"\x47\x4d\x42\x55": "a Network Monitor 2 capture",
    b"btsnoop\0": "a Bluetooth HCI log (btsnoop)",
    b"ERF": "an ERF capture",
    b"\x7fELF": "a program",
    b"%PDF": "a PDF document",
}


class _Reader(Protocol):
    def batches(self) -> Iterator[Batch]: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source is, and what it has learnt since it was asked before, for the same source in another process."""

    bytes_read: int
    told: list[Told]


class CaptureSource:
    """One open capture. One thread iterates `batches`; `read` and `cancel` may be called from any.

    `compression` is None for a plain capture, else "gzip", "zstd" or "lz4".
    """

    def __init__(self, name: str, store: ByteStore, compression: str | None = None) -> None:
        """Take the store over and read the capture's header. Raises as `open_source`, which is how to make one."""
        self.name = name
        self.compression = compression
        self._store = store
        self._tales = Tales("")
        try:
            self._reader = _reader(name, store, self._tales)
        except CaptureError:
            store.close()
            raise

    @property
    def format(self) -> str:
        """The container: "pcap", "pcap (nanoseconds)", "modified pcap", …, "pcapng" or "snoop"."""
        return self._tales.format

    @property
    def interfaces(self) -> list[Interface]:
        """Grows while a pcapng is read; an element is replaced when the count of dropped packets is learnt."""
        return self._tales.interfaces

    @property
    def names(self) -> dict[str, list[str]]:
        """Names that the capture gives to addresses (pcapng Name Resolution Blocks)."""
        return self._tales.names

    @property
    def comments(self) -> list[Comment]:
        """Comments on the capture, its interfaces and packets."""
        return self._tales.comments

    @property
    def secrets(self) -> list[tuple[int, bytes]]:
        """Kind and data of the Decryption Secrets Blocks."""
        return self._tales.secrets

    @property
    def problems(self) -> list[Problem]:
        """Damage met so far."""
        return self._tales.problems

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read, as it is stored (compressed, if it is)."""
        return self._store.bytes_read

    @property
    def bytes_total(self) -> int | None:
        """The file's size, as it is stored; None for a stream."""
        return self._store.bytes_total

    def fingerprint(self) -> Fingerprint | None:
        """Which file this is; None for what is no plain file. Raises OSError."""
        return self._store.fingerprint() if isinstance(self._store, FileStore) else None

    def batches(self) -> Iterator[Batch]:
        """All packets in order, once. Ends early where the capture is damaged (see `problems`) or when cancelled."""
        for batch in self._reader.batches():
            if self._tales.cancelled:
                return
            yield batch

    def remember(self) -> None:
        """From now on keep what is learnt until `progress` hands it on."""
        self._tales.log = []

    def progress(self) -> Progress:
        """How far this source is; only after `remember`."""
        told, self._tales.log = self._tales.log or [], []
        return Progress(self.bytes_read, told)

    def learn(self, progress: Progress) -> None:
        """Know what the same source knows in another process, which reads in place of this one."""
        if isinstance(self._store, FileStore):
            self._store.pass_to(progress.bytes_read)
        self._tales.repeat(progress.told)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the capture, by `Batch.offset`; fewer, if the file has shrunk or the source is closed."""
        return self._store.read(offset, length)

    def cancel(self) -> None:
        """Make `batches` end soon, also if it waits for a stream."""
        self._tales.cancelled = True
        self._store.cancel()

    def close(self) -> None:
        """Give the file back; nothing may be iterating `batches` any more."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_source(path: str | Path, *, follow: bool = False) -> CaptureSource:
    """Open a capture file, a FIFO, or standard input ("-"); waits for a stream's first bytes.

    Standard input is read by a descriptor of our own, so that descriptor 0 can be given to the keyboard. With
    `follow`, a plain file is read on as it grows, until cancelled; what is no plain file is read as ever.
    Raises `UnreadableFileError`, `NotACaptureError`, `UnsupportedCaptureError`.
    """
    if str(path) == STANDARD_INPUT:
        name, descriptor = "standard input", _standard_input()
    else:
        name, descriptor = Path(path).name, _opened(Path(path))
    source = RawInput(descriptor)
    try:
        if follow and compression_of(source.peek(MAGIC_LENGTH)):
            source.close()
            raise UnreadableFileError(f"{name} is compressed and cannot be followed; unpack it, or leave --follow out.")
        return _source(name, source, follow=follow)
    except OSError as error:
        raise UnreadableFileError(f"{name} cannot be read: {error.strerror}.") from error


def open_stream(name: str, descriptor: int) -> CaptureSource:
    """Open a capture that comes through a descriptor, which is taken over; waits for its first bytes.

    Raises as `open_source`.
    """
    try:
        return _source(name, RawInput(descriptor))
    except OSError as error:
        raise UnreadableFileError(f"{name} cannot be read: {error.strerror}.") from error


def _source(name: str, source: RawInput, *, follow: bool = False) -> CaptureSource:
    compression = None
    try:
        compression = compression_of(source.peek(MAGIC_LENGTH))
        if compression is None and source.regular:
            descriptor = source.detach()
            return CaptureSource(name, GrowingStore(descriptor) if follow else FileStore(descriptor))
        pieces = unpacked(source, compression) if compression else iter(source.read, b"")
        store = SpoolStore(source, pieces)
    except BaseException:
        source.close()
        raise
    return CaptureSource(name, store, compression)


def _standard_input() -> int:
    try:
        if os.isatty(0):
            raise UnreadableFileError("Standard input is a terminal: name a capture file, or pipe a capture in.")
        return os.dup(0)
    except OSError as error:
        raise UnreadableFileError(f"Standard input cannot be read: {error.strerror}.") from error


def _opened(path: Path) -> int:
    """A descriptor for reading; a FIFO is opened without waiting for its writer, so that waiting can be cancelled."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        causes = {
            errno.ENOENT: f"There is no file {path}.",
            errno.EACCES: f"You have no permission to read {path}.",
        }
        raise UnreadableFileError(causes.get(error.errno or 0, f"{path} cannot be read: {error.strerror}.")) from error
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(kind):
        os.close(descriptor)
        raise UnreadableFileError(f"{path} is a directory; name a capture file in it.")
    return descriptor


def _reader(name: str, store: ByteStore, tales: Tales) -> _Reader:
    """The reader for the format that the store begins with."""
    window = Window(store)
    try:
        while window.filled < pcap.FILE_HEADER and window.refill(0):
            pass
    except DamagedStoreError as error:
        if not window.filled:
            raise UnreadableFileError(f"{name} cannot be read: {error}.") from error
    if not window.filled:
        raise NotACaptureError(f"{name} is empty.")
    beginning = window.buffer[: pcap.FILE_HEADER].tobytes()
    if beginning.startswith(pcapng.MAGIC):
        return PcapngReader(window, tales)
    if beginning.startswith(snoop.MAGIC):
        return SnoopReader(window, tales)
    if pcap.byte_order(beginning[:4]):
        return PcapReader(window, tales)
    foreign = next((what for magic, what in _FOREIGN.items() if beginning.startswith(magic)), None)
    if foreign:
        raise UnsupportedCaptureError(f"{name} is {foreign}, which netviz cannot read; Wireshark may convert it.")
    raise NotACaptureError(f"{name} is not a capture: it begins like neither pcap, pcapng nor snoop.")
