"""The command line: parses, calls one service, prints, decides the exit code.

Exit codes: 0 done; 1 our defect; 2 refused or wrong usage; 3 configuration; 4 keys or vault; 5 servers; 6 storage;
7 audit log altered; 8 the gateway does not work as it should (``status``), or something is to mend (``doctor``).
"""

import sys


def main() -> None:
    """Run a command. A person's mistake gives what, why and mend on standard error, never a traceback."""
    from gettext import gettext

    from gateway.cli.commands import app
    from gateway.domain.errors import GatewayError
    from gateway.domain.reasons import system_reason

    try:
        app(prog_name="gateway")
    except GatewayError as error:
        sys.stderr.write("".join(f"{line}\n" for line in error.lines(gettext)))
        sys.exit(error.exit_code)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(f"Le système refuse{place} : {system_reason(error)}\n")
        sys.stderr.write("Vérifiez les droits du compte qui lance la commande, et la place sur le disque.\n")
        sys.exit(6)
