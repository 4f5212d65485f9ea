"""What tests need before all imports: an environment that Textual reads then, and signals that reach programs."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# How long an example takes is the business of the benchmarks: on a busy machine any of them may take long.
settings.register_profile("whatever the machine does", deadline=None)
settings.load_profile("whatever the machine does")

os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["COLORTERM"] = "truecolor"
for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_FPS", "COLUMNS", "LINES"):
    os.environ.pop(name, None)

# Whatever runs in the background of a script or under nohup ignores these, and so does all that it starts.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
