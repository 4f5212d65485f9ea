"""Reading and decoding ahead of the analysis, on a thread of its own: numpy lets both run at the same time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from analysis.decoding import Decoded, Decoding
    from capture.batch import Batch
    from capture.source import CaptureSource


class Batches(Protocol):
    """Batches and what was said of them, in order, once; to be closed by whoever does not take them all."""

    def __iter__(self) -> Iterator[tuple[Batch, Decoded]]: ...

    def close(self) -> None:
        """Stop reading."""


AHEAD: Final = 3
"""How many decoded batches may wait: enough to even out their costs, few enough for the memory."""


def decoded(source: CaptureSource, decoding: Decoding) -> Generator[tuple[Batch, Decoded], None, None]:
    """All batches of a source with what `decoding` says of them, in order.

    The buffer of a batch may already hold the bytes of a later one. Streams and small captures are read on the
    calling thread: the next packet of a stream is shown as soon as it is there. Errors of reading are raised here.
    """
    items = ((batch, decoding.decode(batch)) for batch in source.batches())
    first = next(items, None)
    if first is None:
        return
    yield first
    total = source.bytes_total
    if total is None or source.bytes_read >= total:
        yield from items
    else:
        yield from _ahead(items)


def _ahead(items: Iterator[tuple[Batch, Decoded]]) -> Iterator[tuple[Batch, Decoded]]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - takes longer to import than a small capture

    with ThreadPoolExecutor(1, "netviz decoder") as pool:
        waiting = deque(pool.submit(next, items, None) for _ in range(AHEAD))
        try:
            while item := waiting.popleft().result():
                yield item
                waiting.append(pool.submit(next, items, None))
        finally:
            pool.shutdown(cancel_futures=True)
