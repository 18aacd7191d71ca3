"""Makes the attack mails: ``python -m tests.attacks.make FOLDER`` writes them, with keys made for the occasion.

``attacks.tsv`` says what each is and what must become of it; the makers are beside, by what they attack.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attacks import conversation, identities, sealing, structures
from tests.attacks.scene import Scene, scene

TABLE = Path(__file__).parent / "attacks.tsv"

NONE = "–"
"""In the table: nothing."""

Made = bytes | list[bytes]
"""One mail, or the mails that come before it, and it."""

MAKERS: Mapping[str, Callable[[Scene], Awaitable[Made]]] = {
    name.replace("_", "-"): maker
    for module in (structures, sealing, identities, conversation)
    for name, maker in vars(module).items()
    if not name.startswith("_") and getattr(maker, "__module__", "") == module.__name__
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table. ``row`` is the attack, or the step that an asset of its own shows."""

    row: str
    name: str
    verdict: str
    step: str | None
    reason: str | None
    title: str


def rows() -> tuple[Row, ...]:
    """The whole table."""
    read = DictReader(TABLE.read_text(encoding="utf-8").splitlines(), delimiter="\t")
    return tuple(
        Row(
            row=line["row"],
            name=line["name"],
            verdict=line["verdict"],
            step=None if line["step"] == NONE else line["step"],
            reason=None if line["reason"] == NONE else line["reason"],
            title=line["title"],
        )
        for line in read
    )


async def made(name: str, acted: Scene) -> list[bytes]:
    """The mails of an attack, in the order in which they arrive."""
    found = await MAKERS[name](acted)
    return found if isinstance(found, list) else [found]


def main(folder: Path) -> None:
    """Write every attack; the private keys are gone when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="keys-") as root, scene(Path(root)) as acted:
        for name in MAKERS:
            mails = asyncio.run(made(name, acted))
            for number, mail in enumerate(mails, 1):
                suffix = "" if number == len(mails) else f".before-{number}"
                (folder / f"{name}{suffix}.eml").write_bytes(mail)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
