"""Translates what goes wrong on an IMAP connection into the gateway's errors; the server's own words stay out."""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.adapters.imap.protocol import Broken, Lost
from gateway.domain.errors import ProtocolBroken, ServerUnreachable, TlsRefused
from gateway.domain.words import Said, said


@contextmanager
def translated(server: str, seconds: float) -> Iterator[None]:
    """Run a part of a session; ``seconds`` is only named in the error.

    Raises:
        ServerUnreachable, TlsRefused, ProtocolBroken.
    """
    try:
        yield
    except TimeoutError as error:
        raise ServerUnreachable(
            server=server, reason=said("Aucune réponse en {seconds:g} s.", seconds=seconds)
        ) from error
    except Lost as error:
        raise ServerUnreachable(
            server=server, reason=said("Connexion perdue : {reason}.", reason=error.reason)
        ) from error
    except Broken as error:
        raise ProtocolBroken(server=server, reason=said("{reason}.", reason=error.reason)) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise ServerUnreachable(server=server, reason=said("Connexion perdue.")) from error
    except ssl.SSLCertVerificationError as error:
        raise TlsRefused(
            server=server, reason=said("Certificat refusé : {reason}.", reason=error.verify_message)
        ) from error
    except ssl.SSLError as error:
        raise TlsRefused(server=server, reason=said("Erreur TLS : {reason}.", reason=error.reason)) from error
    except OSError as error:
        raise ServerUnreachable(server=server, reason=_network_reason(error)) from error


def _network_reason(error: OSError) -> Said:
    if isinstance(error, socket.gaierror):
        return said("Nom de serveur introuvable.")
    if isinstance(error, ConnectionRefusedError):
        return said("Connexion refusée.")
    if isinstance(error, ConnectionError):
        return said("Connexion perdue.")
    known = errno.errorcode.get(error.errno or 0)
    return said("Erreur réseau {code}.", code=known) if known else said("Erreur réseau inconnue.")
