"""What keeps a database from being copied, shared or put back. Part of :mod:`gateway.domain.errors`."""

from gateway.domain.fault import Fault, GatewayError


class DatabaseNotCopied(GatewayError):
    """The copy to another server was refused, or did not come out equal; the target is as it was."""

    fault = Fault.OPERATOR
    exit_code = 6
    what = "La base n'a pas été copiée."
    why = "{reason}"
    mend = "La base d'origine est intacte et reste en service ; la base d'arrivée est telle qu'avant."
