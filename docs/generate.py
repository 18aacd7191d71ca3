"""Makes the pages of docs/ that come from the code: states, message kinds, settings, errors, alarms, traceability.

Run it as ``.venv/bin/python docs/generate.py``; with ``--check`` nothing is written and stale pages are named. A row of
the law that cites what does not exist is a failure either way.
"""  # noqa: INP001  a script, not a package

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from attacks_page import attacks
from message_states import message_states
from pages import DOCS, page, table
from receipts_page import receipts
from reliability_page import problems as fault_problems
from reliability_page import reliability
from states_pages import case_states, request_states
from traceability import problems, traceability

from gateway.cli.alarms import DESKS, SEVERITIES
from gateway.cli.blank import blank_fiche
from gateway.domain import alarms, errors, kinds
from gateway.domain.alarms.shape import EVERY_ROLE
from gateway.domain.parties import Function, Role
from gateway.services.terms import FUNCTIONS

EXAMPLE = DOCS.parent / "config" / "gateway.example.toml"
ROLES = {Role.HOSPITAL: "hôpital", Role.CNAS: "CNAS", Role.CNSE: "pôle médical du CNSE", Role.CPAM: "CPAM"}

FAULTS = {
    errors.Fault.OPERATOR: "l'exploitant",
    errors.Fault.PARTNER: "le partenaire",
    errors.Fault.WORLD: "l'extérieur (réseau, disque, serveur)",
    errors.Fault.OURS: "nous : un défaut du logiciel",
}

# --- Message kinds.


def message_kinds() -> str:
    """docs/message-kinds.md."""
    parts: list[list[str]] = [
        [
            "Tous les échanges du protocole, M01 à M42, et les avis que les passerelles y ajoutent.",
            "Ce qui voyage par courrier scellé s'envoie et se reçoit ; le reste se note au bureau (`gateway note`).",
            "Sources : 003 est l'instruction DSS/DACI/2019/224, 002 la circulaire CNAM 31/2021, 001 la page sur les",
            "séjours ; L donne les lignes. Une fiche commentée : `gateway fiche IDENTIFIANT`.",
        ]
    ]
    for chapter, rows in kinds.CHAPTERS.items():
        parts.append([f"## {chapter}"])
        parts.append(
            table(
                ("N°", "Échange", "Identifiant", "Comment"),
                ((kind.number or "–", kind.title, f"`{kind.id}`", kind.travel.value) for kind in rows),
            )
        )
        for kind in rows:
            parts += _kind(kind)
    return page("Les échanges", *parts)


def _kind(kind: kinds.Kind) -> list[list[str]]:
    parts = [[f"### {kind.number + ' – ' if kind.number else ''}{kind.title}"], _head(kind)]
    if kind.fields:
        rows = ((f"`{row.fiche}`", row.title, _type(row), _yes(row.required)) for row in kind.fields)
        parts.append(table(("Champ de la fiche", "Ce que c'est", "S'écrit", "Obligatoire"), rows))
    if kind.pieces:
        pieces = ((f"`pieces.{piece.fiche}`", piece.title, _yes(piece.required)) for piece in kind.pieces)
        parts.append(table(("Pièce", "Ce que c'est", "Obligatoire"), pieces))
    return parts


def _yes(required: bool) -> str:  # noqa: FBT001  a cell of a table
    return "oui" if required else "non"


def _head(kind: kinds.Kind) -> list[str]:
    told = (
        ("Formulaire", kind.form or ""),
        ("Se note par", _roles(role for role in Role if role in kind.noted_by)),
        ("Condition", kind.precondition),
        ("Délai", kind.deadline),
        ("Effet", kind.effect),
        ("Source", kind.source),
    )
    return [
        f"- Identifiant : `{kind.id}` ; {kind.travel.value}",
        *(_route(route) for route in kind.routes),
        *(f"- {title} : {text}" for title, text in told if text),
    ]


def _route(route: kinds.Route) -> str:
    copy = f" ; copie : {_functions(route.copy)}" if route.copy else ""
    return f"- De {ROLES[route.sender]} à {_functions(route.to)}{copy}"


def _functions(functions: Iterable[Function]) -> str:
    return ", ".join(FUNCTIONS[function] for function in functions)


def _roles(roles: Iterable[Role]) -> str:
    return ", ".join(ROLES[role] for role in roles)


def _type(row: kinds.Field) -> str:
    return " ou ".join(f"`{choice}`" for choice in row.choices) or row.type.value


# --- Configuration.


@dataclass(slots=True, kw_only=True)
class Section:
    """A table of the example: its comment, its lines as they are, its keys with the comment that explains each."""

    name: str
    optional: bool
    intro: str
    lines: list[str] = field(default_factory=list)
    keys: list[tuple[str, str, bool, str]] = field(default_factory=list)


_SECTION = re.compile(r"(#?)\[([a-z_.]+)]")
_KEY = re.compile(r"(#?)([a-z_]+) = (.+)")


def read_example(text: str) -> tuple[list[str], list[Section]]:
    """The head comment's lines, and the sections of the example."""
    sections: list[Section] = []
    head: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if found := _SECTION.fullmatch(line):
            sections.append(Section(name=found[2], optional=bool(found[1]), intro=" ".join(comment)))
        elif found := _KEY.fullmatch(line):
            sections[-1].lines.append(line)
            if comment:
                sections[-1].keys.append((found[2], found[3], bool(found[1]), " ".join(comment)))
        elif line.startswith("#"):
            comment.append(line[2:])
            continue
        elif not sections:
            head += comment
        comment = []
    return head, sections


def configuration() -> str:
    """docs/configuration.md."""
    head, sections = read_example(EXAMPLE.read_text(encoding="utf-8"))
    parts: list[list[str]] = [[_head_line(line) for line in head]]
    for section in sections:
        parts.append([f"## `[{section.name}]`" + (" (facultative)" if section.optional else "")])
        parts.append([section.intro])
        if section.keys:
            rows = ((f"`{key}`", _value(value, absent=absent), told) for key, value, absent, told in section.keys)
            parts.append(table(("Clé", "Valeur par défaut ou exemple", "Ce qu'elle règle"), rows))
        else:
            parts.append(["```toml", f"[{section.name}]", *section.lines, "```"])
    return page("La configuration", *parts)


def _head_line(line: str) -> str:
    """Indented lines are a list: a value, two spaces or more, what it means."""
    if not line.startswith("  "):
        return line
    value, told = re.split(r" {2,}", line.strip(), maxsplit=1)
    return f"- `{value}` : {told}"


def _value(value: str, *, absent: bool) -> str:
    return f"absente ; par exemple `{value}`" if absent else f"`{value}`"


# --- Errors.


def error_leaves() -> list[type[errors.GatewayError]]:
    """Every error that is raised, in the order of the module; roots only gather them."""
    found = [item for item in vars(errors).values() if isinstance(item, type)]
    return [item for item in found if issubclass(item, errors.GatewayError) and not _is_root(item)]


def _is_root(item: type) -> bool:
    return (item.__doc__ or "").startswith("Root of")


def error_page() -> str:
    """docs/errors.md."""
    parts: list[list[str]] = [
        [
            "Chaque erreur dit ce qui s'est passé, pourquoi, et que faire. Son code est celui des journaux et du JSON.",
            "Les mots entre accolades sont remplis sur le moment, jamais avec le contenu d'un courrier ni un nom.",
        ]
    ]
    for leaf in error_leaves():
        told = [("Ce qui s'est passé", leaf.what), ("Pourquoi", leaf.why), ("Que faire", leaf.mend)]
        parts += [
            [f"## `{leaf.__name__}`"],
            [
                f"- Code de sortie : {leaf.exit_code}",
                f"- Peut y remédier : {FAULTS[leaf.fault]}",
                f"- Réessayer seul : {'oui' if leaf.retry else 'non'}",
                *(f"- {title} : {text}" for title, text in told if text),
            ],
        ]
    return page("Les erreurs", *parts)


# --- Alarms.

ALARM_CHAPTERS = {
    "receipts": "Accusés de réception",
    "stays": "Dossiers et délais",
    "happenings": "Ce qui est arrivé",
    "mail": "Courrier",
    "machine": "Machine",
    "log": "Journal d'audit",
    "access": "Accès",
}


def alarm_page() -> str:
    """docs/alarms.md."""
    parts: list[list[str]] = [
        [
            "Chaque alarme a un nom stable, celui du journal (`alarm.NOM`, une fois au début, une fois à la fin) et de",
            "`gateway alarms`. Elle ne se répète pas ; un redémarrage n'en fait pas une seconde. Ses phrases ne disent",
            "rien de médical, aucun nom de patient. Qui est prévenu : [operate.md](operate.md), chapitre",
            "« Être prévenu des alarmes ».",
        ],
        [
            "« Se termine » : *seule*, quand sa condition n'est plus vraie ; *prise*, quand une personne la prend",
            "(`gateway alarms take`). Les alarmes d'une même échelle se relaient : une plus grave remplace l'autre.",
        ],
    ]
    for chapter, rows in alarms.CHAPTERS.items():
        parts.append([f"## {ALARM_CHAPTERS[chapter]}"])
        for kind in rows:
            parts += _alarm(kind)
    return page("Les alarmes", *parts)


def _alarm(kind: alarms.Kind) -> list[list[str]]:
    roles = [] if kind.roles == EVERY_ROLE else [f"- Seulement : {_roles(role for role in Role if role in kind.roles)}"]
    ends = "prise" if kind.until_taken else "seule"
    return [
        [f"### `{kind.name}`"],
        [
            f"- Gravité : {SEVERITIES[kind.severity].lower()} ; d'abord {DESKS[kind.desk]}",
            *roles,
            f"- Condition : {kind.condition}",
            *([f"- Réglage : `[alarms] {kind.setting}`"] if kind.setting else []),
            *([f"- Échelle : `{kind.ladder}`"] if kind.ladder else []),
            f"- Se termine : {ends}",
            *(["- Le courrier est en cause : l'autre voie est prise aussitôt"] if kind.mail_fails else []),
            f"- Ce qu'on lit : {kind.sentence}",
            f"- Remède : {kind.mend}",
        ],
    ]


def fiches() -> dict[str, Callable[[], str]]:
    """A blank fiche for each kind that a person fills; the extension request's own has a whole example."""
    return {
        f"../config/fiches/{kind.id.lower().replace('.', '_')}.toml": partial(blank_fiche, kind)
        for kind in kinds.KINDS.values()
        if (kind.fields or kind.pieces)
        and (kind.routes or kind.noted_by)
        and kind.subject is not kinds.Subject.NOTICE
        and kind is not kinds.EXTENSION_REQUEST
    }


PAGES: Mapping[str, Callable[[], str]] = {
    **fiches(),
    "case-states.md": case_states,
    "request-states.md": request_states,
    "message-kinds.md": message_kinds,
    "configuration.md": configuration,
    "errors.md": error_page,
    "alarms.md": alarm_page,
    "attacks.md": attacks,
    "message-states.md": message_states,
    "receipts.md": receipts,
    "reliability.md": reliability,
    "traceability.md": traceability,
}


def stale() -> list[str]:
    """Names of the pages that are missing or no longer say what the code says."""
    found = []
    for name, make in PAGES.items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != make():
            found.append(name)
    return found


def main() -> int:
    """Write the pages, or with ``--check`` name the stale ones; 1 when something is stale or untrue."""
    parser = argparse.ArgumentParser(description="Pages de docs/ qui viennent du code.")
    parser.add_argument("--check", action="store_true", help="ne rien écrire, nommer les pages périmées")
    found = [f"docs/law-rows.toml : {problem}.\n" for problem in problems()]
    found += [f"docs/fault-rows.toml : {problem}.\n" for problem in fault_problems()]
    if parser.parse_args().check:
        names = ((DOCS / name).resolve().relative_to(DOCS.parent) for name in stale())
        found += [f"{name} : périmé, lancez « make docs ».\n" for name in names]
    else:
        for name, make in PAGES.items():
            (DOCS / name).write_text(make(), encoding="utf-8")
    sys.stderr.writelines(found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
