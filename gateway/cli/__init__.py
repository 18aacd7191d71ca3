"""The command line: parses, calls one service, prints, decides the exit code.

Exit codes: 0 done; 1 our defect; 2 refused or wrong usage; 3 configuration; 4 keys or vault; 5 servers; 6 storage;
7 audit log altered; 8 the gateway does not work as it should (``status``), or something is to mend (``doctor``).
"""

import io
import sys
from collections.abc import Iterable


def main() -> None:
    """Run a command. A person's mistake gives what, why and mend on standard error, never a traceback."""
    from gateway.cli import language

    arguments = language.speak(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without accents shows « ? » instead of a traceback.
            stream.reconfigure(errors="replace")
    _status_at_once(arguments)

    import typer

    from gateway.cli import refusals, usage
    from gateway.domain.errors import GatewayError

    try:
        sys.exit(_run(arguments))
    except GatewayError as error:
        _tell(refusals.lines(error))
        sys.exit(error.exit_code)
    except typer.TyperException as mistake:
        _tell(usage.lines(mistake))
        sys.exit(mistake.exit_code)
    except typer.Abort:
        _tell([language.translate("Abandonné ; rien n'a été fait.")])
        sys.exit(1)
    except OSError as error:
        _tell(_refusal(error))
        sys.exit(6)


def _status_at_once(arguments: list[str]) -> None:
    """End with what the running service says, where that is all that is asked; every other command goes on."""
    if arguments[:1] != ["status"]:
        return
    from gateway.cli.glance import shortcut

    found = shortcut(arguments[1:])
    if found is None:
        return
    text, code = found
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        _tell(_refusal(error))
        code = 6
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    import typer

    from gateway.cli.commands import app
    from gateway.cli.pages import translated

    command = translated(typer.main.get_command(app))
    code = command.main(arguments, prog_name="gateway", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _refusal(error: OSError) -> list[str]:
    from gettext import gettext as _

    from gateway.domain.reasons import system_reason
    from gateway.domain.words import said

    reason = system_reason(error)
    what = said("Le système refuse ({place}) : {reason}", place=error.filename, reason=reason)
    if not error.filename:
        what = said("Le système refuse : {reason}", reason=reason)
    return [what.told(_), _("Vérifiez les droits du compte qui lance la commande, et la place sur le disque.")]


def _tell(lines: Iterable[str]) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
