"""IMAP4rev1 (RFC 3501) over implicit TLS: a session as the ``Mailbox`` port, its factory, the server's clock."""

from gateway.adapters.imap.connect import ImapFactory, ImapSettings
from gateway.adapters.imap.session import ImapMailbox
from gateway.adapters.imap.time import MailboxTime

__all__ = ["ImapFactory", "ImapMailbox", "ImapSettings", "MailboxTime"]
