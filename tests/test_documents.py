"""The documents say what is: their links lead somewhere, their commands and configuration keys exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from gateway import config, readership
from gateway.cli.commands import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SECTIONS: dict[str, type[BaseModel]] = {
    "gateway": config.GatewaySection,
    "imap": config.ImapSection,
    "smtp": config.SmtpSection,
    "oauth": config.OAuthSection,
    "vault": config.VaultSection,
    "openpgp": config.OpenPgpSection,
    "smime": config.SmimeSection,
    "reception": config.ReceptionSection,
    "deadlines": config.DeadlinesSection,
    "time": config.TimeSection,
    "audit": config.AuditSection,
    "worker": config.WorkerSection,
    "retention": readership.RetentionSection,
}
NAMED_BY_USER = {"people", "partners", "readers"}
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
GATEWAY = re.compile(r"(?:^|[\s$/])gateway ([a-z].*)")
LONG_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
# Built from two halves, so that this file does not find itself.
WORKPLACE = re.compile("/" + "work" + r"\b")


def name(path: Path) -> str:
    """A document as it is told when a rule is broken."""
    return str(path.relative_to(ROOT))


each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name)


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return FENCE.sub("", text)


def quoted(text: str) -> list[str]:
    """Code spans, and the lines of fenced blocks that are no drawing."""
    blocks = [block for block in FENCE.findall(text) if not block.startswith("```mermaid")]
    lines = [line for block in blocks for line in block.splitlines()]
    return [" ".join(span.split()) for span in SPAN.findall(prose(text))] + lines


def commands(text: str) -> list[str]:
    """What stands after ``gateway`` in code."""
    return [found[1] for code in quoted(text) if (found := GATEWAY.search(code))]


def unknown_part(words: str) -> str | None:
    """The first word or option of a quoted command that the application does not know."""
    command: Any = typer.main.get_command(app)
    rest = words.partition("#")[0].split()
    while getattr(command, "commands", None) and rest:
        if rest[0] not in command.commands:
            return rest[0]
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return next((option for option in LONG_OPTION.findall(" ".join(rest)) if option not in known), None)


def unknown_keys(text: str) -> list[str]:
    """Keys written ``[section] key`` or ``section.key`` that no section has."""
    found = []
    for code in quoted(prose(text)):
        match = re.fullmatch(r"\[([a-z]+)](?: ([a-z_]+))?", code) or re.fullmatch(r"([a-z]+)\.([a-z_]+)", code)
        if match is None:
            continue
        section, key = match[1], match[2]
        bracketed = code.startswith("[")
        if section in SECTIONS and key is not None and key not in SECTIONS[section].model_fields:
            found.append(code)
        if bracketed and section not in {*SECTIONS, *NAMED_BY_USER}:
            found.append(code)
    return [code for code in found if code not in NOT_KEYS]


# Log events, file names and the like that look like a key of a section.
NOT_KEYS = {"gateway.ready", "gateway.stopping", "gateway.stopped", "gateway.toml"}


@each_document
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    """A link that leads nowhere costs the reader's trust in the rest."""
    targets = LINK.findall(prose(document.read_text(encoding="utf-8")))
    relative = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]

    assert [target for target in relative if not (document.parent / target).exists()] == []


@each_document
def test_every_quoted_command_exists(document: Path) -> None:
    """Commands and options are looked up in the application itself."""
    found = commands(document.read_text(encoding="utf-8"))

    assert [(line, part) for line in found if (part := unknown_part(line))] == []


@each_document
def test_every_quoted_configuration_key_exists(document: Path) -> None:
    """A key that the settings do not have would be refused at start."""
    assert unknown_keys(document.read_text(encoding="utf-8")) == []


@each_document
def test_no_document_names_the_place_where_it_was_written(document: Path) -> None:
    """A path of the author's machine says nothing to a reader."""
    assert WORKPLACE.search(document.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("command", ["explode", "audit forget", "status --loudly", "keys import x --force"])
def test_an_unknown_command_or_option_is_found(command: str) -> None:
    """The check itself can fail."""
    assert unknown_part(command) is not None


def test_an_unknown_key_is_found() -> None:
    """Both ways of writing a key are looked at."""
    assert unknown_keys("`[imap] colour` `[nowhere] key` `worker.colour` `[imap] watch`") == [
        "[imap] colour",
        "[nowhere] key",
        "worker.colour",
    ]


def test_the_readme_links_every_document() -> None:
    """What is not linked is not found."""
    linked = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))

    assert {name(document) for document in DOCUMENTS[1:]} <= linked
