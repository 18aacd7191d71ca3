"""The sentence of a stored alarm: its references, counts and dates as they were when it started."""

import json
from collections.abc import Mapping
from datetime import date

from gateway.domain.alarms import KINDS, Kind, Severity, Sighting, Value, words_of
from gateway.domain.request_name import RequestName
from gateway.domain.words import Said, said
from gateway.storage import Alarm

_NUMBER, _MADE_ON = "request_number", "request_made_on"
"""How its request is called; alarms that began under an older version have the beginning of its hash alone."""


def kept(seen: Sighting, request: RequestName | None = None) -> str:
    """What a sentence may name, as the row holds it; ``request`` is how its request is called."""
    words = {name: value.isoformat() if isinstance(value, date) else value for name, value in words_of(seen).items()}
    if request is not None:
        words |= {_NUMBER: request.number, _MADE_ON: request.made_on.isoformat()}
    return json.dumps(words, ensure_ascii=False, sort_keys=True)


def read(alarm: Alarm) -> Mapping[str, Value]:
    """The reverse."""
    words: dict[str, Value] = json.loads(alarm.words)
    return {name: date.fromisoformat(str(value)) if name == "day" else value for name, value in words.items()}


def kind_of(alarm: Alarm) -> Kind | None:
    """Its row of the table; None for a kind that an older version knew."""
    return KINDS.get(alarm.kind)


def severity(alarm: Alarm) -> Severity:
    """How loud it is."""
    kind = kind_of(alarm)
    return Severity.NOTICE if kind is None else kind.severity


def told(alarm: Alarm) -> tuple[Said, Said]:
    """What a person reads of it: the sentence, and the mend."""
    kind = kind_of(alarm)
    if kind is None:
        return said("Alarme d'une autre version : {kind}.", kind=alarm.kind), said("Rien à faire.")
    words: dict[str, Value | Said] = {**read(alarm)}
    if _NUMBER in words:
        name = RequestName(number=int(str(words[_NUMBER])), made_on=date.fromisoformat(str(words[_MADE_ON])))
        words["request"] = name.told
    return kind.told(words), kind.mended(words)
