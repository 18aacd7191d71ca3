"""The last touch on a text before it is set: French spaces and apostrophes, and no letter that no font has."""

import re
import unicodedata
from functools import cache

BOUND, THIN = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
_HIGH = re.compile(r" (?=[;?!%€])")
_COLON = re.compile(r" (?=[:»])")
_OPEN = re.compile(r"« ")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
_UNITS = re.compile(
    r"(?<=\d) (?=(?:h|min|s|jours?|octets)\b|\d{3}\b)|(?<=\bh) (?=\d)|(?<=\bn°) |(?<=\bSE) (?=\d)|(?<=§) "
)

# Those of the two fonts in which a text may be set; a test prints every one of them.
_KNOWN = (
    *((0x20, 0x7E), (0xA0, 0x17F), (0x1E80, 0x1E85), (0x1EA0, 0x1EF9), (0x218, 0x21B), (0x2010, 0x2014)),
    *((0x391, 0x3A1), (0x3A3, 0x3CE), (0x401, 0x401), (0x410, 0x44F), (0x451, 0x451)),
    *((0x2018, 0x201E), (0x2020, 0x2022), (0x2026, 0x2026), (0x202F, 0x202F), (0x2030, 0x2030), (0x2039, 0x203A)),
    *((0x20AC, 0x20AC), (0x2192, 0x2192), (0x60C, 0x60C), (0x61B, 0x61B), (0x61F, 0x61F), (0x621, 0x63A)),
    *((0x640, 0x655), (0x660, 0x66D), (0x670, 0x670), (0x679, 0x679), (0x67E, 0x67E), (0x686, 0x686), (0x6A9, 0x6A9)),
    *((0x6AF, 0x6AF), (0x6CC, 0x6CC), (0x2264, 0x2265)),
)


def settled(text: str, language: str) -> str:
    """A sentence as it is set in this language."""
    text = known(text)
    if language != "fr":
        return text
    text = _COLON.sub(BOUND, _HIGH.sub(THIN, text))
    text = _OPEN.sub(f"«{BOUND}", text)
    return _UNITS.sub(BOUND, _APOSTROPHE.sub("’", text))


def known(text: str) -> str:
    """The text in letters that can be set: one that is not known is told by its number, a control is a space.

    The line end stays. Marks of direction go: the letters themselves say it, and a mark can make a line read otherwise
    than it is.
    """
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


@cache
def _letter(char: str) -> str:
    number = ord(char)
    if any(first <= number <= last for first, last in _KNOWN):
        return char
    match unicodedata.category(char):
        case "Cc" if char == "\n":
            return char
        case "Cc" | "Zl" | "Zp" | "Zs":
            return " "
        case "Cf":
            return ""
        case _:
            return f"[U+{number:04X}]"
