"""Translates what goes wrong on an IMAP connection into the gateway's errors; the server's own words stay out."""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.adapters.imap.protocol import Broken, Lost
from gateway.domain.errors import ProtocolBroken, ServerUnreachable, TlsRefused


@contextmanager
def translated(server: str, seconds: float) -> Iterator[None]:
    """Run a part of a session; ``seconds`` is only named in the error.

    Raises:
        ServerUnreachable, TlsRefused, ProtocolBroken.
    """
    try:
        yield
    except TimeoutError as error:
        raise ServerUnreachable(server=server, reason=f"Aucune réponse en {seconds:g} s.") from error
    except Lost as error:
        raise ServerUnreachable(server=server, reason=f"Connexion perdue : {error}.") from error
    except Broken as error:
        raise ProtocolBroken(server=server, reason=f"{error}.") from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise ServerUnreachable(server=server, reason="Connexion perdue.") from error
    except ssl.SSLCertVerificationError as error:
        raise TlsRefused(server=server, reason=f"Certificat refusé : {error.verify_message}.") from error
    except ssl.SSLError as error:
        raise TlsRefused(server=server, reason=f"Erreur TLS : {error.reason}.") from error
    except OSError as error:
        raise ServerUnreachable(server=server, reason=_network_reason(error)) from error


def _network_reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "Nom de serveur introuvable."
    if isinstance(error, ConnectionRefusedError):
        return "Connexion refusée."
    if isinstance(error, ConnectionError):
        return "Connexion perdue."
    return f"Erreur réseau {errno.errorcode.get(error.errno or 0, 'inconnue')}."
