"""A mail that a person sorts, as data: its envelope, and what its signature proves."""

from gateway.services.dossier import MailView


def mail_json(view: MailView) -> dict[str, object]:
    """One mail."""
    names = (
        *("id", "verdict", "step", "reason", "partner", "folder", "uidvalidity", "uid", "size", "sha256"),
        *("received_earliest", "received_latest", "dated_by", "held_back", "settled_as", "settled_by", "settled_at"),
        *("likely_request", "likely_by"),
    )
    letter = view.letter
    signed = letter and {name: getattr(letter, name) for name in ("author", "signed_at", "kind", "copied", "mic")}
    return {name: getattr(view.mail, name) for name in names} | {"likely_case": view.ref, "signed": signed}
