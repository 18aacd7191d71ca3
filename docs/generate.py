"""Makes the pages of docs/ that come from the code: state diagrams, message kinds, settings, errors.

Run it as ``.venv/bin/python docs/generate.py``; with ``--check`` nothing is written and stale pages are named.
"""  # noqa: INP001  a script, not a package

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path

from gateway.cli.blank import blank_fiche
from gateway.cli.output import STATES
from gateway.cli.terms import CASE_STATES, FUNCTIONS
from gateway.domain import case, errors, kinds, request, transmission
from gateway.domain.parties import Function, Role

DOCS = Path(__file__).parent
EXAMPLE = DOCS.parent / "config" / "gateway.example.toml"
NOTE = "<!-- Page produite par docs/generate.py : ne la modifiez pas à la main, lancez « make docs ». -->"

ROLES = {Role.HOSPITAL: "hôpital", Role.CNAS: "CNAS", Role.CNSE: "pôle médical du CNSE", Role.CPAM: "CPAM"}

REQUEST_EVENTS = {
    request.Event.HANDED_OVER: "le serveur a pris le courrier",
    request.Event.DELIVERY_FAILED: "avis de non-remise",
    request.Event.ACKNOWLEDGED: "preuve de réception",
    request.Event.MOVED: "le délai est déplacé",
    request.Event.REFINED: "preuve meilleure, même délai",
    request.Event.PERIOD_OVER: "fin du délai",
    request.Event.ACCEPTED: "acceptation expresse",
    request.Event.REFUSED: "refus",
    request.Event.DISPUTED: "réponse à départager",
    request.Event.LATE_ANSWER: "réponse tardive",
    request.Event.ANSWER_REPEATED: "la même réponse, encore",
    request.Event.ANSWER_CONTRARY: "une réponse contraire, ensuite",
    request.Event.FOUND_LATE: "réponse départagée : tardive",
    request.Event.CHALLENGED: "acceptation mise en cause",
    request.Event.UPHELD: "acceptation maintenue",
    request.Event.WITHDRAWN: "acceptation retirée",
    request.Event.SILENCE_RECORDED: "silence enregistré",
    request.Event.SILENCE_NOTIFIED: "silence notifié par l'hôpital",
    request.Event.SUPERSEDED: "demande corrigée envoyée",
    request.Event.INFORMATION_ASKED: "informations demandées (M14, M22)",
    request.Event.INFORMATION_GIVEN: "informations données (M15, M22)",
    request.Event.PARTLY_ACCEPTED: "acceptation partielle",
    request.Event.VITAL_DISPUTED: "urgence vitale contestée (M23)",
    request.Event.ANSWER_SUPERSEDED: "réponse à une demande remplacée",
    request.Event.REGULARISED: "formulaire reçu (M19)",
    request.Event.MEDIATION_OPENED: "conciliation ouverte (M24)",
    request.Event.MEDIATION_SETTLED: "accord entre médecins (M24)",
    request.Event.MEDIATION_FAILED: "conciliation échouée (M24)",
    request.Event.EXPERT_ASKED: "expertise demandée (M25)",
    request.Event.VITAL_CONFIRMED: "urgence confirmée (M26)",
    request.Event.VITAL_DENIED: "urgence niée (M26)",
}

REQUEST_EFFECTS = {
    request.Effect.TELL_STARTED: "annoncer le début du délai",
    request.Effect.TELL_MOVED: "annoncer le délai déplacé",
    request.Effect.TELL_ELAPSED: "annoncer la fin du délai",
    request.Effect.TELL_OUTCOME: "annoncer l'issue",
    request.Effect.NOTIFY_SILENCE: "notifier l'acceptation réputée acquise",
    request.Effect.NOTIFY_WITHDRAWAL: "notifier le retrait",
    request.Effect.ALARM: "alerter une personne",
}

SENDING_STATES = {
    transmission.State.READY: "prêt",
    transmission.State.SENDING: "en cours d'envoi",
    transmission.State.HANDED_OVER: "pris par le serveur",
    transmission.State.UNKNOWN: "issue inconnue",
    transmission.State.REFUSED: "refusé par le serveur",
    transmission.State.HELD: "retenu (clé inutilisable)",
    transmission.State.EVIDENCED: "réception prouvée",
}

SENDING_EVENTS = {
    transmission.Event.CLAIMED: "envoi commencé",
    transmission.Event.ACCEPTED: "accepté par le serveur",
    transmission.Event.NOT_HANDED_OVER: "échec passager",
    transmission.Event.DOUBT: "liaison perdue, issue incertaine",
    transmission.Event.REFUSED: "refus définitif",
    transmission.Event.KEY_REFUSED: "clé du partenaire inutilisable",
    transmission.Event.UNREADABLE: "fichier illisible dans le coffre",
    transmission.Event.EVIDENCE: "preuve de réception",
    transmission.Event.RETRIED: "mêmes octets une fois de plus",
    transmission.Event.RELEASED: "obstacle levé, ou scellé de nouveau",
}

CASE_EVENTS = {
    case.Event.CARE_REQUESTED: "demande de programmation (M01)",
    case.Event.REVIEW_STARTED: "examen commencé",
    case.Event.INFORMATION_ASKED: "informations demandées (M03)",
    case.Event.INFORMATION_GIVEN: "informations reçues (M04)",
    case.Event.DECLINED: "refus motivé (M05)",
    case.Event.QUOTED: "acceptation, devis et rendez-vous (M06)",
    case.Event.ENTITLEMENT_REFUSED: "refus d'autorisation (M07)",
    case.Event.ENTITLED: "attestation SE 352-301 (M08)",
    case.Event.ADMITTED: "admission",
    case.Event.INTERRUPTED: "interruption",
    case.Event.READMITTED: "réadmission",
    case.Event.TRANSFERRED: "transfert",
    case.Event.EXTENSION_ASKED: "demande de poursuite (M12, M21)",
    case.Event.EXTENDED: "prolongation accordée (M16, M18, M19)",
    case.Event.REPATRIATION_REQUESTED: "rapatriement demandé (M28)",
    case.Event.REPATRIATION_PREPARED: "conditions de rapatriement (M29)",
    case.Event.REPATRIATED: "rapatriement effectif (M31)",
    case.Event.DISCHARGED: "sortie",
    case.Event.CLOSED: "clôture",
}

FAULTS = {
    errors.Fault.OPERATOR: "l'exploitant",
    errors.Fault.PARTNER: "le partenaire",
    errors.Fault.WORLD: "l'extérieur (réseau, disque, serveur)",
    errors.Fault.OURS: "nous : un défaut du logiciel",
}

Edge = tuple[Enum, Enum, Enum, str]
"""State, event, next state, effects in French."""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def page(title: str, *parts: Iterable[str]) -> str:
    """A whole page, its parts separated by one empty line."""
    return "\n\n".join([NOTE, f"# {title}", *("\n".join(part) for part in parts)]) + "\n"


# --- States.


def diagram(edges: Sequence[Edge], names: Mapping[Enum, str], words: Mapping[Enum, str], first: Enum) -> list[str]:
    """A Mermaid diagram of what changes a state; what leaves it as it is stands in the table alone."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{name}" as {state.value}' for state, name in names.items()]
    lines.append(f"    [*] --> {first.value}")
    arrows: dict[tuple[Enum, Enum], list[str]] = {}
    for state, event, after, _ in edges:
        if state is not after:
            arrows.setdefault((state, after), []).append(words[event])
    lines += [f"    {start.value} --> {end.value}: {' ou '.join(told)}" for (start, end), told in arrows.items()]
    return [*lines, "```"]


def pairs(edges: Sequence[Edge], names: Mapping[Enum, str], words: Mapping[Enum, str]) -> list[str]:
    """Every permitted pair of state and event."""
    rows = (
        (f"{names[state]} (`{state.value}`)", f"{words[event]} (`{event.value}`)", _after(state, after, names), effects)
        for state, event, after, effects in edges
    )
    return table(("État", "Événement", "Devient", "Dans le même enregistrement"), rows)


def _after(state: Enum, after: Enum, names: Mapping[Enum, str]) -> str:
    return "inchangé" if state is after else names[after]


def _in_order(edges: Iterable[Edge], states: type[Enum], events: type[Enum]) -> list[Edge]:
    places = [*states, *events]
    return sorted(edges, key=lambda edge: (places.index(edge[0]), places.index(edge[1])))


def case_states() -> str:
    """docs/case-states.md."""
    edges = _in_order(
        ((state, event, after, "–") for (state, event), after in case.TRANSITIONS.items()), case.State, case.Event
    )
    names: dict[Enum, str] = {state: CASE_STATES[state] for state in case.State}
    words: dict[Enum, str] = {event: CASE_EVENTS[event] for event in case.Event}
    openings = [f"- {words[event]} : « {names[state]} »" for event, state in case.OPENINGS.items()]
    return page(
        "Les états d'un dossier",
        [
            "Cette table est celle que le logiciel exécute, dans chaque passerelle. Un couple qui n'y est pas est",
            "refusé et ne change rien. Les états d'une demande et d'un envoi : [request-states.md](request-states.md).",
        ],
        ["Un dossier s'ouvre par :", "", *openings],
        diagram(edges, names, words, case.State.RECEIVED),
        [line.rpartition(" | ")[0] + " |" for line in pairs(edges, names, words)],
    )


def request_states() -> str:
    """docs/request-states.md."""
    edges = _in_order(
        (
            (state, event, after, ", ".join(REQUEST_EFFECTS[effect] for effect in effects) or "–")
            for (state, event), (after, effects) in request.TRANSITIONS.items()
        ),
        request.State,
        request.Event,
    )
    sending = _in_order(
        ((state, event, after, "–") for (state, event), after in transmission.TRANSITIONS.items()),
        transmission.State,
        transmission.Event,
    )
    names: dict[Enum, str] = {state: STATES[state] for state in request.State}
    words: dict[Enum, str] = {event: REQUEST_EVENTS[event] for event in request.Event}
    sending_names: dict[Enum, str] = {state: SENDING_STATES[state] for state in transmission.State}
    sending_words: dict[Enum, str] = {event: SENDING_EVENTS[event] for event in transmission.Event}
    closed = ", ".join(f"« {STATES[state]} »" for state in request.State if state not in request.OPEN)
    return page(
        "Les états",
        ["Ces tables sont celles que le logiciel exécute. Un couple qui n'y est pas est refusé et ne change rien."],
        ["## Une demande"],
        [
            "L'hôpital vit sa demande avec cette table ; la CNAS et le CNSE la suivent avec la même.",
            f"Plus aucune réponse n'est attendue dans les états {closed}.",
        ],
        diagram(edges, names, words, request.State.SUBMITTED),
        pairs(edges, names, words),
        ["## Un envoi"],
        ["Un courrier scellé, pour un destinataire. « En cours d'envoi » est enregistré avant le premier octet."],
        diagram(sending, sending_names, sending_words, transmission.State.READY),
        [line.rpartition(" | ")[0] + " |" for line in pairs(sending, sending_names, sending_words)],
    )


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
    """Write the pages, or with ``--check`` name the stale ones and return 1."""
    parser = argparse.ArgumentParser(description="Pages de docs/ qui viennent du code.")
    parser.add_argument("--check", action="store_true", help="ne rien écrire, nommer les pages périmées")
    if parser.parse_args().check:
        found = stale()
        for name in found:
            sys.stderr.write(f"{(DOCS / name).resolve().relative_to(DOCS.parent)} : périmé, lancez « make docs ».\n")
        return 1 if found else 0
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
