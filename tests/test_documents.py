"""The documents say what is: their links lead somewhere, their commands and configuration keys exist."""

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from babel.messages.pofile import read_po
from pydantic import BaseModel

from gateway import access, config, databank, hooks, log_keeping, mailservers, metering, readership, staffing
from gateway.cli.commands import app
from gateway.cli.language import LOCALES

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SECTIONS: dict[str, type[BaseModel]] = {
    "gateway": config.GatewaySection,
    "imap": mailservers.ImapSection,
    "smtp": mailservers.SmtpSection,
    "oauth": mailservers.OAuthSection,
    "database": databank.DatabaseSection,
    "vault": config.VaultSection,
    "openpgp": config.OpenPgpSection,
    "smime": config.SmimeSection,
    "reception": config.ReceptionSection,
    "deadlines": config.DeadlinesSection,
    "time": config.TimeSection,
    "audit": log_keeping.AuditSection,
    "worker": config.WorkerSection,
    "metrics": metering.MetricsSection,
    "retention": readership.RetentionSection,
    "alarms": staffing.AlarmsSection,
    "web": access.WebSection,
    "webhooks": hooks.WebhookSection,
}
FEW = 30
"""Sentences that name a command: fewer were a pattern that finds nothing."""
NAMED_BY_USER = {"people", "partners", "readers", "mailboxes", "staff"}
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
GATEWAY = re.compile(r"(?:^|.*[\s$/])gateway ([a-z].*)")
TOLD = re.compile(r"(?:[«“:] ?|^)gateway ([a-z][^»”;,.()]*)")
"""A command inside a sentence: quoted, or after a colon."""
SHELL = {">", "|", "&&", "||", ";"}
"""Where a command of ours ends in a line of the shell."""
FILE = re.compile(r"(?<![\w./-])((?:config|docs|gateway|tests|\.ci|keys\.example)/[\w./*-]*\w)")
TARGET = re.compile(r"\bmake ([a-z][a-z-]*)")
DOTTED = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")
FILE_NAMES = re.compile(r"\.(?:toml|py|asc|pem|key|crl|txt|lock|json|conf|sqlite|service|eml)$")
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


@cache
def tree() -> Any:
    """The commands, as the application has them."""
    return typer.main.get_command(app)


@cache
def source() -> str:
    """All of our code."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "gateway").rglob("*.py")))


def leaf(words: str) -> tuple[Any, list[str], str | None]:
    """The command that these words name, what follows it, and the first word that names none."""
    command = tree()
    rest: list[str] = []
    for word in shlex.split(words, comments=True):
        if word in SHELL:
            break
        rest.append(word)
    while getattr(command, "commands", None) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return command, rest, rest[0]
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest, None


def unknown_part(words: str, *, whole: bool = False) -> str | None:
    """The first word or option of a quoted command that the application refuses, or with ``whole`` still asks for."""
    command, rest, unknown = leaf(words)
    # A group that acts by itself takes options too.
    if unknown is not None or (getattr(command, "commands", None) and not rest):
        return unknown
    context = command.make_context(command.name, [], resilient_parsing=True)
    context.resilient_parsing = False
    try:
        told, left, _ = command.make_parser(context).parse_args([word for word in rest if word != "--help"])
    except typer.TyperException as refused:
        return str(refused.format_message())
    left = [word for word in left if word != "…"]
    if left:
        return str(left[0])
    asked = [] if "…" in words or "--help" in rest else [each.name for each in command.params if each.required]
    return next((name for name in asked if whole and told.get(name) is None), None)


def lines(text: str) -> list[str]:
    """What stands after ``gateway`` in the fenced lines that a person types, not in what a command printed."""
    blocks = [block for block in FENCE.findall(text) if not block.startswith("```mermaid")]
    found = (GATEWAY.fullmatch(line) for block in blocks for line in block.splitlines())
    return [match[1] for match in found if match]


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
NOT_KEYS = {
    *("gateway.ready", "gateway.stopping", "gateway.stopped", "gateway.took_over", "gateway.lost", "gateway.toml"),
    *("audit.purged", "metrics.served", "metrics.not_served", "metrics.defect"),
}


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
def test_every_line_that_is_typed_is_whole(document: Path) -> None:
    """What stands in a block is copied: it must ask for nothing more."""
    found = lines(document.read_text(encoding="utf-8"))

    assert [(line, part) for line in found if (part := unknown_part(line, whole=True))] == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_command_named_in_a_sentence_of_the_program_exists(language: str) -> None:
    """Errors, duties and help name their mend: a mend that does not exist is worse than none."""
    with (LOCALES / "en" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        texts = [str(each.id if language == "fr" else each.string) for each in read_po(file) if each.id]
    plain = [re.sub("« … »|“…”", "…", text) for text in texts]
    found = [match.strip() for text in plain for match in TOLD.findall(text)]

    assert len(found) > FEW
    assert [(line, part) for line in found if (part := unknown_part(line.replace('"', "")))] == []


@each_document
def test_every_named_file_of_the_project_exists(document: Path) -> None:
    """A path in code leads to a file or a folder; an asterisk stands for several."""
    found = [path for code in quoted(document.read_text(encoding="utf-8")) for path in FILE.findall(code)]

    assert [path for path in found if not list(ROOT.glob(path))] == []


@each_document
def test_every_quoted_target_of_make_exists(document: Path) -> None:
    """As the Makefile writes them."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    found = [target for code in quoted(document.read_text(encoding="utf-8")) for target in TARGET.findall(code)]

    assert [target for target in found if target not in targets] == []


@each_document
def test_every_event_check_or_field_is_in_the_program(document: Path) -> None:
    """Names with a dot: records of the log, findings of the doctor, places of a fiche. Some are made of two parts."""
    code = source()
    found = {span for span in quoted(document.read_text(encoding="utf-8")) if DOTTED.fullmatch(span)}
    ours = {span for span in found if not FILE_NAMES.search(span)}

    assert {span for span in ours if span not in code and f'"{span.rpartition(".")[2]}"' not in code} == set()


@each_document
def test_every_quoted_configuration_key_exists(document: Path) -> None:
    """A key that the settings do not have would be refused at start."""
    assert unknown_keys(document.read_text(encoding="utf-8")) == []


@each_document
def test_no_document_names_the_place_where_it_was_written(document: Path) -> None:
    """A path of the author's machine says nothing to a reader."""
    assert WORKPLACE.search(document.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize(
    "command",
    [
        *("explode", "audit forget", "status --loudly", "keys import x --force", "fiche -x", "fiche M12 -o"),
        *("status --json=3", "case show A B", "message save 1 --to a b | wc"),
    ],
)
def test_an_unknown_command_or_option_is_found(command: str) -> None:
    """The check itself can fail."""
    assert unknown_part(command) is not None


@pytest.mark.parametrize("command", ["submit", "message save 1", "case show  # 7F3K-Q2", "clock compute --json"])
def test_what_a_typed_line_lacks_is_found(command: str) -> None:
    """In a sentence a command may be named without what it takes; in a block it may not."""
    assert unknown_part(command) is None
    assert unknown_part(command, whole=True) is not None


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


def test_the_table_of_the_architecture_is_what_the_imports_obey() -> None:
    """Floor by floor, from the top, every module."""
    rows = re.findall(
        r"^\| (`[^|]*`) \|", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    told = [{Path(name).stem for name in SPAN.findall(row)} for row in rows]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    floors = next(contract["layers"] for contract in contracts if contract["type"] == "layers")

    assert told == [set(floor.strip("()").split(" | ")) for floor in floors[1:]]
