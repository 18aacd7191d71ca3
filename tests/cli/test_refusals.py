"""Refusals as a person reads them: one fault a line, no identifier of a state table."""

import pytest

from gateway.cli.refusals import lines
from gateway.domain import case, request
from gateway.domain.errors import DeskError, FicheInvalid, IllegalTransition, Unknown
from gateway.domain.words import listed, said


def refused(error: DeskError) -> tuple[str, ...]:
    """What the terminal shows of it, in French."""
    return lines(error)


@pytest.fixture(autouse=True)
def _french(speaking: None) -> None:
    """No catalogue: the words as they are written."""


def test_every_fault_of_a_fiche_has_its_line() -> None:
    """Sixteen in one line are not read."""
    faults = listed([said("patient.nom : manque ({title})", title="nom"), said("demande : clé inconnue")])

    assert refused(FicheInvalid(path="f.toml", faults=faults)) == (
        "Rien n'est fait ; à corriger dans f.toml :",
        "  patient.nom : manque (nom)",
        "  demande : clé inconnue",
        "Corrigez et recommencez.",
    )


def test_one_reason_stays_one_line() -> None:
    """A fault that is a single sentence is a reason like another."""
    error = FicheInvalid(path="f.toml", faults=said("Ce n'est pas du TOML."))

    assert refused(error)[1:] == ("Ce n'est pas du TOML.", "Corrigez et recommencez.")
    assert refused(Unknown(kind=said("dossier"), ref="7F3K-Q2"))[0] == "Référence inconnue : dossier 7F3K-Q2."


@pytest.mark.parametrize(
    ("state", "event", "told"),
    [
        (case.State.ADMITTED, case.Event.CLOSED, "« clôture » (dossier dans l'état « patient admis »)"),
        (case.State.DISCHARGED, case.Event.DISCHARGED, "« sortie » (dossier dans l'état « patient sorti »)"),
        (case.State.CLOSED, case.Event.ADMITTED, "« admission » (dossier dans l'état « clos »)"),
    ],
)
def test_what_a_case_forbids_is_told_in_words(state: case.State, event: case.Event, told: str) -> None:
    """Ids of the tables are for programs and for the developer."""
    with pytest.raises(IllegalTransition) as forbidden:
        case.step(state, event)

    assert refused(forbidden.value)[0] == f"Impossible maintenant : {told}."


def test_what_a_request_forbids_is_told_in_words() -> None:
    """Its states and events have their own words."""
    with pytest.raises(IllegalTransition) as forbidden:
        request.step(request.State.REFUSED, request.Event.EXPERT_ASKED)

    told = "« expertise demandée (M25) » (demande dans l'état « refusée »)"
    assert refused(forbidden.value)[0] == f"Impossible maintenant : {told}."
