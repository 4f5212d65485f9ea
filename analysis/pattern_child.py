"""Searches bytes for a regular expression; run as a program, with the standard library alone (`analysis.pattern`).

It reads the length of the expression, flags and the expression; then, again and again, how many texts come, their
lengths and they themselves. It answers each time with one byte a text: 1 where the expression was found. All numbers
are 32 bits, in the machine's order.
"""

from __future__ import annotations

import re
import sys
from array import array


def main() -> None:
    """Answer until there is nothing more to read."""
    source, out = sys.stdin.buffer, sys.stdout.buffer
    length, flags = array("I", source.read(8))
    search = re.compile(source.read(length), flags).search
    while head := source.read(4):
        sizes = array("I", source.read(4 * array("I", head)[0]))
        texts = [source.read(size) for size in sizes]
        out.write(bytes(search(text) is not None for text in texts))
        out.flush()


if __name__ == "__main__":
    main()
