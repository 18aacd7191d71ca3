"""What every command needs: the configuration's path, the person behind the keyboard, and the parts of the gateway."""

import os
import pwd
from collections.abc import Awaitable, Callable
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from gateway.cli import defaults
from gateway.domain.errors import NotAllowed
from gateway.domain.words import said

T = TypeVar("T")

DEFAULT_CONFIG, EXIT_UNWELL = defaults.DEFAULT_CONFIG, defaults.EXIT_UNWELL

ConfigOption = Annotated[
    Path,
    # Whether it can be read is told with the account that can, by whoever loads it.
    typer.Option(
        "--config",
        "-c",
        envvar=defaults.CONFIG_VARIABLE,
        help="Fichier de configuration.",
        show_default=True,
        readable=False,
    ),
]
LARGEST_NUMBER = 2**63 - 1
"""What a database column holds."""


def storable(value: int | None) -> int | None:
    """A number that a person typed, as a parameter's callback.

    Raises:
        BadParameter: no row can have it.
    """
    if value is not None and abs(value) > LARGEST_NUMBER:
        raise typer.BadParameter(_("ce nombre est trop grand"))
    return value


JsonOption = Annotated[bool, typer.Option("--json", help="Écrire du JSON.")]


def settings(path: Path) -> Any:
    """The configuration.

    Raises:
        ConfigError.
    """
    from gateway.loading import loading

    with loading():
        from gateway.config import load

    return load(path)


def system_user() -> str:
    """The person's account; behind sudo, the account that called it."""
    return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name


def person(conf: Any) -> str:
    """Who acts, as the audit log names them.

    Raises:
        NotAllowed: [people] names persons, and this account is none of them.
    """
    account = system_user()
    if conf.people and account not in conf.people:
        act = said("agir avec le compte {account}", account=account)
        raise NotAllowed(act=act, reason=said("Ce compte n'est pas dans [people]."))
    # Two accounts of one person are one person: four eyes look at names.
    return str(conf.people.get(account, account))


def keeper(conf: Any) -> str:
    """Whoever may run our commands, by the name that [people] gives or the system account's.

    Who manages accesses need be no more: else nobody could open the console after its last administrator has left.
    """
    account = system_user()
    return str(conf.people.get(account, account))


def with_core(path: Path, work: Callable[[Any], Awaitable[T]]) -> T:
    """Run one act with everything that sealing needs."""
    import asyncio

    from gateway.loading import loading

    with loading():
        from gateway.core import open_core

    async def run() -> T:
        async with open_core(settings(path)) as core:
            return await work(core)

    return asyncio.run(run())


def with_base(path: Path, work: Callable[[Any], Awaitable[T]], *, rehearsals_too: bool = True) -> T:
    """Run one reading, or an act that seals nothing, with database and vault only."""
    import asyncio

    from gateway.loading import loading

    with loading():
        from gateway import records

    async def run() -> T:
        async with records.open_base(settings(path), rehearsals_too=rehearsals_too) as base:
            return await work(base)

    return asyncio.run(run())


def with_archive(path: Path, work: Callable[[Any], Awaitable[T]]) -> T:
    """Run one reading of cases, messages, state or log."""

    def read(base: Any) -> Awaitable[T]:
        from gateway import records

        return work(records.archive(base))

    return with_base(path, read)


def with_calendar(path: Path, work: Callable[[Any], Awaitable[T]], *, reading: bool = False) -> T:
    """Run one act on the calendar, or with ``reading`` one look at it, which a demonstration permits too."""

    def act(base: Any) -> Awaitable[T]:
        from gateway import legal_time

        return work(legal_time.calendar_acts(base.settings, base.store, base.clock))

    return with_base(path, act, rehearsals_too=reading)


def calendar_standing(path: Path) -> Any:
    """The calendar in force and what awaits a second person; the shipped one where no gateway is installed.

    Raises:
        ConfigError: a configuration was named, or is installed, and cannot be used.
    """
    from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar

    if path == DEFAULT_CONFIG and not path.exists():
        return load_calendar(SHIPPED_CALENDAR), ()
    return with_calendar(path, lambda acts: acts.standing(), reading=True)
