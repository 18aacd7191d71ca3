"""Proofs of reception as data: evidence that came by mail, and what persons brought."""

from gateway.services.attested import ProofsView
from gateway.storage import EnteredProof, Mail


def entered_json(proof: EnteredProof) -> dict[str, object]:
    """A proof that a person brought."""
    names = ("id", "request_hash", "partner", "received_at", "sha256", "mail", "entered_at", "entered_by")
    return {name: getattr(proof, name) for name in (*names, "settled_at", "settled_by", "counted")}


def proofs_json(found: ProofsView) -> dict[str, object]:
    """All that attests the requests of a case."""
    names = ("request_hash", "partner", "kind", "grade", "statement", "mail")
    instants = ("sent_at", "stated_at", "dated_at", "arrived_at", "recorded_at")
    return {
        "case": found.case.ref,
        "evidence": [
            {name: getattr(each.evidence, name) for name in (*names, *instants)} | {"starts": each.starts}
            for each in found.evidence
        ],
        "entered": [entered_json(proof) for proof in found.entered],
        "reports": [_mail_json(mail) for mail in found.reports],
    }


def _mail_json(mail: Mail) -> dict[str, object]:
    names = ("id", "verdict", "reason", "partner", "received_earliest", "held_back", "settled_as", "settled_at")
    return {name: getattr(mail, name) for name in names}


def unmatched_json(mail: Mail, ref: str | None) -> dict[str, object]:
    """A receipt or report that fits no mail of ours."""
    return _mail_json(mail) | {"likely_case": ref, "likely_request": mail.likely_request}
