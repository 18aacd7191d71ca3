"""A mail in clear, for our own people, that says nothing of any content: a notice to a reader, or alarms."""

from datetime import datetime

from gateway.wire.compose import check_outgoing, mailbox_text, text_part
from gateway.wire.fields import Mailbox, date_text

AUTOMATIC = "auto-generated"
_FIELDS = (
    "From",
    "To",
    "Date",
    "Message-ID",
    "Subject",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)


def clear_mail(*, sender: str, to: str, subject: str, text: str, message_id: str, at: datetime) -> bytes:
    """The whole mail.

    Raises:
        MailMalformed: a value that cannot stand in a header.
    """
    headers = [
        ("From", mailbox_text(Mailbox(display="", address=sender))),
        ("To", mailbox_text(Mailbox(display="", address=to))),
        ("Date", date_text(at)),
        ("Message-ID", message_id),
        ("Subject", subject),
        ("Auto-Submitted", AUTOMATIC),
        ("MIME-Version", "1.0"),
    ]
    data = text_part(text, headers=headers)
    check_outgoing(data, _FIELDS)
    return data
