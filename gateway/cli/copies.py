"""How a copy that an author forgot is told."""

from collections.abc import Iterable
from gettext import gettext as _
from typing import Any

from gateway.cli.output import instant, title


def copy_line(owed: Any, messages: Iterable[Any]) -> str:
    """Who forgot whom, or who shows nothing of what we hold, and whether the copy has left."""
    from gateway.services.copies import UNSEEN

    message = next(row for row in messages if row.id == owed.message)
    told = _("Copie oubliée : {author} n'a pas adressé « {title} » à {partner}.")
    if owed.reason == UNSEEN:
        told = _("Copie due : {partner} ne montre rien de « {title} », que {author} a envoyé.")
    left = _("Elle part dès qu'elle peut être scellée.")
    if owed.settled_at:
        left = _("Envoyée {at}.").format(at=instant(owed.settled_at))
    return f"{told.format(author=message.partner, title=title(message.kind), partner=owed.partner)} {left}"
