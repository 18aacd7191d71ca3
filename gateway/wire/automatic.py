"""Which mails a machine wrote, and which must never be answered by one (RFC 3834, RFC 8098 §2.1)."""

from gateway.wire.mime import Headers

# Honest mail passes fewer than twenty servers; RFC 5321 §6.3 takes a hundred for a loop, we stop answering sooner.
MAX_HOPS = 50


def is_auto_submitted(headers: Headers) -> bool:
    """True when no person sent this mail by its own word: Auto-Submitted other than ``no``, or list and bulk marks."""
    stated = (value.partition(";")[0].partition("(")[0].strip().lower() for value in headers.get_all("auto-submitted"))
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
