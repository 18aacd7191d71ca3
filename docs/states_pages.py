"""The pages on states: diagrams and permitted pairs, from the tables that the code executes."""  # noqa: INP001  a page

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from pages import page, table

from gateway.domain import case, request, transmission
from gateway.domain.labels import STATES
from gateway.services.terms import CASE_EVENTS, CASE_STATES, REQUEST_EVENTS, SENDING_EVENTS, SENDING_STATES

REQUEST_EFFECTS = {
    request.Effect.TELL_STARTED: "annoncer le début du délai",
    request.Effect.TELL_MOVED: "annoncer le délai déplacé",
    request.Effect.TELL_ELAPSED: "annoncer la fin du délai",
    request.Effect.TELL_OUTCOME: "annoncer l'issue",
    request.Effect.NOTIFY_SILENCE: "notifier l'acceptation réputée acquise",
    request.Effect.NOTIFY_WITHDRAWAL: "notifier le retrait",
    request.Effect.ALARM: "alerter une personne",
}

Edge = tuple[Enum, Enum, Enum, str]
"""State, event, next state, effects in French."""


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
