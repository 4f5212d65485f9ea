"""Draw the README's picture: the real program showing a real capture, saved as an SVG.

python -m docs.picture                     docs/screen.svg, from fixtures/handshake.pcap
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
from pathlib import Path
from typing import Final

from analysis.session import Session
from capture.source import open_source

# Read when the program starts: the picture has the colours of a modern terminal, wherever it is made.
os.environ.pop("NO_COLOR", None)
os.environ["COLORTERM"] = "truecolor"

from tui.app import NetvizApp

FOLDER: Final = Path(__file__).parent
SIZE: Final = (100, 30)
KEYS: Final = ("j", "j")
"""Pressed before the picture is taken: to the third packet, which ends the handshake."""

PATIENCE_SECONDS: Final = 20.0
WEB_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


async def screenshot(capture: Path) -> str:
    """The screen after `KEYS`, as SVG that loads nothing from elsewhere."""
    session = Session(open_source(str(capture)))
    session.run()
    app = NetvizApp(session, capture.name)
    async with app.run_test(size=SIZE) as pilot:
        for key in KEYS:
            await pilot.press(key)
        await asyncio.wait_for(app.workers.wait_for_complete(), PATIENCE_SECONDS)
        await pilot.pause(0.5)
        svg = app.export_screenshot(title=f"netviz replay fixtures/{capture.name}")
    session.close()
    return WEB_FONTS.sub("", svg)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capture", type=Path, default=FOLDER.parent / "fixtures" / "handshake.pcap")
    parser.add_argument("--out", type=Path, default=FOLDER / "screen.svg")
    options = parser.parse_args()
    options.out.write_text(asyncio.run(screenshot(options.capture)), encoding="utf-8")


if __name__ == "__main__":
    main()
