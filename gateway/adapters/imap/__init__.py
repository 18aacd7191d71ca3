"""IMAP4rev1 (RFC 3501) over implicit TLS: one session as the ``Mailbox`` port, its factory and its settings."""

from gateway.adapters.imap.connect import ImapFactory, ImapSettings
from gateway.adapters.imap.session import ImapMailbox

__all__ = ["ImapFactory", "ImapMailbox", "ImapSettings"]
