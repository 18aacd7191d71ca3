"""Which mails a machine wrote, and which must never be answered by one (RFC 3834, RFC 8098 §2.1)."""

from gateway.wire.mime import Headers, Part
from gateway.wire.reports import DISPOSITION_PARTS, RETURNED, STATUS_PARTS

# What the parts of an answer by machine are: a text, and in a report its machine part and what it returns.
_WORDS = frozenset({"text/plain", "text/html"})
_REPORTED = _WORDS | DISPOSITION_PARTS | STATUS_PARTS | RETURNED

# Honest mail passes fewer than twenty servers; RFC 5321 §6.3 takes a hundred for a loop, we stop answering sooner.
MAX_HOPS = 50


def is_auto_submitted(headers: Headers) -> bool:
    """True when no person sent this mail by its own word: Auto-Submitted other than ``no``, or list and bulk marks."""
    stated = _stated(headers)
    bulk = (value.strip().lower() for value in headers.get_all("precedence"))
    return (
        any(value != "no" for value in stated)
        or any(value in {"bulk", "junk", "list", "auto_reply"} for value in bulk)
        or headers.get("list-id") is not None
    )


def has_null_return_path(headers: Headers) -> bool:
    """True when the delivering server recorded the empty reverse path (RFC 5321 §4.5.5)."""
    return any("".join(value.split()) == "<>" for value in headers.get_all("return-path"))


def is_answerable(headers: Headers) -> bool:
    """False for a mail that an automatic answer, receipts included, could send into a loop."""
    in_a_loop = len(headers.get_all("received")) > MAX_HOPS
    return not (is_auto_submitted(headers) or has_null_return_path(headers) or in_a_loop)


def is_machine_answer(headers: Headers) -> bool:
    """True when a machine answered by itself: ``auto-replied`` (RFC 3834 §5), or automatic with a null return path.

    Exchange calls its out-of-office ``auto-generated``, as ticket systems call what a person wrote in them; only the
    former has the null return path. Lists and bulk mail are no answers, and mean nothing here.
    """
    stated = _stated(headers)
    automatic = any(value != "no" for value in stated)
    return "auto-replied" in stated or (automatic and has_null_return_path(headers))


def is_notice(part: Part) -> bool:
    """True for an out-of-office or a report, by its header and by what is in it: words alone, no file.

    A scanner or a fax server writes by itself too, and the file that it sends may be an answer.
    """
    report = part.content_type.media == "multipart/report"
    if not is_machine_answer(part.headers) and not (report and has_null_return_path(part.headers)):
        return False
    known = _REPORTED if report else _WORDS
    leaves = [leaf for leaf in part.walk() if not leaf.parts]
    return all(leaf.content_type.media in known and (report or not leaf.is_attachment()) for leaf in leaves)


def _stated(headers: Headers) -> list[str]:
    return [value.partition(";")[0].partition("(")[0].strip().lower() for value in headers.get_all("auto-submitted")]
