"""SMTP submission (RFC 6409): the ``Courier`` port over one verified TLS connection, with its settings."""

from gateway.adapters.smtp.connect import SmtpSettings, SmtpTls
from gateway.adapters.smtp.courier import Announced, SmtpCourier

__all__ = ["Announced", "SmtpCourier", "SmtpSettings", "SmtpTls"]
