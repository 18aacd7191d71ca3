"""What a spectator sees: numbered scenes, real output of commands, a clock that moves. Colours on a terminal only."""

import os
import re
import textwrap
from datetime import date, datetime
from gettext import gettext as _
from typing import TextIO

from gateway.domain.days import ALGIERS, WEEKDAYS

WIDTH = 100
PERIOD_DAYS = 4

_BOLD, _DIM, _GREEN, _BLUE, _YELLOW = "1", "2", "32", "1;34", "33"


class Screen:
    """Writes to ``out``; every line also goes into ``transcript``, without colours."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        told = os.environ
        self._terminal = out.isatty() and told.get("TERM") != "dumb"
        self._colours = self._terminal and "NO_COLOR" not in told
        self._scenes = 0
        self._clock_shown = False
        self.transcript: list[str] = []

    def title(self, text: str) -> None:
        """The head of a part."""
        self._line("")
        self._line(f"══ {text} ".ljust(WIDTH, "═"), _BLUE)

    def scene(self, text: str) -> None:
        """The next numbered scene."""
        self._scenes += 1
        self._line("")
        self._line(f"{self._scenes}. {text}", _BOLD)

    def say(self, text: str) -> None:
        """A paragraph for the newcomer."""
        for line in _wrapped(text, WIDTH - 3):
            self._line(f"   {line}")

    def done(self, text: str) -> None:
        """Something that was checked."""
        self._line(f"   ✓ {text}", _GREEN)

    def real_life(self, text: str) -> None:
        """What one would see, or type, at work."""
        for index, line in enumerate(_wrapped(_("En vrai : {text}").format(text=text), WIDTH - 5)):
            self._line(("   → " if index == 0 else "     ") + line, _YELLOW)

    def command(self, typed: str, output: str) -> None:
        """A command and what it really printed."""
        self._line(f"   $ {typed}", _YELLOW)
        self.quote(output)

    def quote(self, text: str) -> None:
        """Text that is not ours: a mail, an output."""
        for line in text.rstrip("\n").splitlines():
            self._line(f"   │ {line}".rstrip(), _DIM)

    def clock(self, at: datetime, counted: int) -> None:
        """The clock and the days counted so far, on a terminal only: what comes next is written over that line."""
        if self._terminal:
            bar = "■" * counted + "□" * (PERIOD_DAYS - counted)
            self._out.write(f"\r   ⏱ {bar} {moment(at)}\x1b[K")
            self._out.flush()
            self._clock_shown = True

    def end_clock(self) -> None:
        """Take the clock away, for whatever is written next."""
        if self._clock_shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._clock_shown = False

    def _line(self, text: str, colour: str = "") -> None:
        self.transcript.append(text)
        self.end_clock()
        shown = f"\x1b[{colour}m{text}\x1b[0m" if self._colours and colour and text else text
        self._out.write(f"{shown}\n")
        self._out.flush()


def _wrapped(text: str, width: int) -> list[str]:
    """Lines that do not begin or end with French punctuation that belongs to a word."""
    bound = re.sub(r" ([:;?!»])", "\N{NO-BREAK SPACE}\\1", text).replace("« ", "«\N{NO-BREAK SPACE}")
    return textwrap.wrap(bound, width, break_on_hyphens=False, break_long_words=False)


def day(value: date) -> str:
    """A date as it is spoken."""
    return f"{_(WEEKDAYS[value.weekday()])} {value.strftime(_('%d/%m/%Y'))}"


def moment(at: datetime) -> str:
    """An instant in Algiers, where the law counts."""
    local = at.astimezone(ALGIERS)
    return _("{day} à {time}, heure d'Alger").format(day=day(local.date()), time=local.strftime(_("%H h %M")))
