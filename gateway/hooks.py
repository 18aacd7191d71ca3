"""Which programs are told that something happened: the sections [[webhooks]].

What is told names an event and a reference, no person and no content; still it leaves by TLS, or stays on this machine.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.domain.words import Said, said
from gateway.setting import FilePath, Identifier, Secret, Section

_LOCAL = r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?(/[!-~]*)?"
_AWAY = r"https://[a-zA-Z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?"


def _address(text: str) -> str:
    if not re.fullmatch(f"{_AWAY}|{_LOCAL}", text):
        raise ValueError(said("adresse en https attendue, ou en http sur cette machine seulement"))
    return text


def _event(text: str) -> str:
    if not re.fullmatch(r"[a-z_]+\.(\*|[a-z_]+)", text):
        raise ValueError(said("événement attendu, par exemple request.submitted ou request.*"))
    return text


class WebhookSection(Section):
    """One program: its address, the secret that signs, the former one while both hold, and what it is told."""

    name: Identifier
    address: Annotated[str, AfterValidator(_address)]
    secret: Secret
    former_secret: Secret | None = None
    events: tuple[Annotated[str, AfterValidator(_event)], ...] = Field(default=(), max_length=50)
    ca: FilePath | None = None


def webhooks_faults(sections: Sequence[WebhookSection]) -> Iterator[Said]:
    """What is wrong with them together."""
    names = [section.name for section in sections]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield said("webhooks : deux cibles s'appellent {name}", name=name)
