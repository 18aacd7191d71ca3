"""From the configuration to what reaches the servers: IMAP, SMTP, where tokens come from, and other clocks."""

from gateway.adapters.imap import ImapSettings, MailboxTime
from gateway.adapters.ntp import NtpTime
from gateway.adapters.oauth import ClientCredentials, ClientCredentialsToken, CommandToken, FileToken
from gateway.adapters.smtp import SmtpSettings, SmtpTls
from gateway.adapters.tsa import TimestampAuthority
from gateway.config import Settings
from gateway.domain.errors import ConfigInvalid
from gateway.domain.words import said
from gateway.mailservers import ServerSection
from gateway.ports import Clock, MailboxFactory, TimeSource

Tokens = CommandToken | FileToken | ClientCredentialsToken


def token_provider(settings: Settings, clock: Clock) -> Tokens | None:
    """Where XOAUTH2 tokens come from, None when neither server asks for one."""
    section = settings.oauth
    if section is None:
        return None
    if section.command:
        return CommandToken(command=section.command, clock=clock)
    if section.file:
        return FileToken(section.file)
    if section.token_url is None or section.client_id is None or section.client_secret is None:
        raise ConfigInvalid(path="[oauth]", faults=said("token_url, client_id et client_secret vont ensemble"))
    credentials = ClientCredentials(
        token_url=section.token_url,
        client_id=section.client_id,
        client_secret=section.client_secret.read(),
        scope=section.scope or "",
        ca=section.ca,
    )
    return ClientCredentialsToken(credentials=credentials, clock=clock)


def _password(section: ServerSection) -> str | None:
    return section.password.read() if section.auth == "password" and section.password else None


def imap_settings(section: ServerSection, tokens: Tokens | None) -> ImapSettings:
    """How to reach a mailbox.

    Raises:
        SecretUnreadable.
    """
    used = tokens if section.auth == "xoauth2" else None
    return ImapSettings(
        host=section.host,
        port=section.port,
        user=section.user or "",
        password=_password(section),
        token=used.token if used else None,
        token_refused=used.refused if used else None,
        ca=section.ca,
        client_cert=section.client_certificate,
        client_key=section.client_key,
        timeout=section.timeout_seconds,
    )


def smtp_settings(settings: Settings, tokens: Tokens | None) -> SmtpSettings:
    """How to reach the submission server.

    Raises:
        SecretUnreadable.
    """
    section = settings.smtp
    used = tokens if section.auth == "xoauth2" else None
    return SmtpSettings(
        host=section.host,
        port=section.port,
        tls=SmtpTls.STARTTLS if section.tls == "starttls" else SmtpTls.IMPLICIT,
        user=section.user,
        password=_password(section),
        token=used.token if used else None,
        token_refused=used.refused if used else None,
        ca=section.ca,
        client_cert=section.client_certificate,
        client_key=section.client_key,
        timeout=section.timeout_seconds,
        local_hostname=settings.gateway.address.rpartition("@")[2],
    )


def time_sources(settings: Settings, clock: Clock, mailboxes: MailboxFactory) -> tuple[TimeSource, ...]:
    """What is asked for the time beside the system's clock: the mail server, and the clocks of [time]."""
    mail = (MailboxTime(mailboxes=mailboxes, folder=settings.imap.clock_folder),) if settings.time.mailbox else ()
    return (*mail, *clocks(settings, clock))


def clocks(settings: Settings, clock: Clock) -> tuple[TimeSource, ...]:
    """The clocks of [time] that are no mail server."""
    asked, found = settings.time, list[TimeSource]()
    if asked.ntp is not None:
        found.append(NtpTime(host=asked.ntp, port=asked.ntp_port, clock=clock))
    if asked.tsa is not None and asked.tsa_ca is not None:
        found.append(TimestampAuthority(url=asked.tsa, roots=asked.tsa_ca))
    return tuple(found)
