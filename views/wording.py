"""Sentences for people go through here, so that a catalogue can say them in another language.

Write `_("packet {number} …").format(number=…)`: the sentence is looked up whole, then filled in.
"""

from __future__ import annotations

import gettext
from pathlib import Path
from typing import Final

_CATALOGUES: Final = Path(__file__).parent / "catalogues"
_TRANSLATION: Final = gettext.translation("netviz", _CATALOGUES, fallback=True)


def _(message: str) -> str:
    """`message` in the reader's language, or itself."""
    return _TRANSLATION.gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """The form of a sentence that fits `count`, in the reader's language."""
    return _TRANSLATION.ngettext(one, many, count)
