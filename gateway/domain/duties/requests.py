"""Duties about extension requests: receipt, answer, question, silence, form, CPAM, refusal and what follows it."""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.domain.case import State as Stay
from gateway.domain.duties.shape import REMIND, Asked, File, Found, Urgency, about, day, look, note, rule, write
from gateway.domain.parties import Role
from gateway.domain.request import OPEN, UNACKNOWLEDGED, State
from gateway.domain.words import french, said

_H, _A, _E = Role.HOSPITAL, Role.CNAS, Role.CNSE
_GRANTED = frozenset({State.ACCEPTED, State.PARTLY_ACCEPTED, State.REGULARISED})
_QUESTIONS = ("INFO_REQUEST", "VITAL_INFO_REQUEST")
_REPLIES = ("INFO_RESPONSE", "VITAL_INFO_RESPONSE")
_TO_CPAM = "EXTENSION_TO_CPAM"
_REFUSAL = "EXTENSION_REFUSAL"

NO_RECEIPT = "receipt_missing"

SHORT = timedelta(days=2)
"""So near to the end of a period, an answer is urgent."""


def _no_receipt(file: File) -> Iterator[Found]:
    """The loudest of all: without a receipt no period runs, and the authorisation ends all the same (003:L270)."""
    for asked in file.requests:
        failed = asked.state is State.DELIVERY_FAILED
        if asked.state not in UNACKNOWLEDGED or not (failed or asked.sent_on < file.today):
            continue
        told = french("La demande {request} n'a pas d'accusé de réception ; l'autorisation finit le {day}.")
        if failed:
            told = french("La demande {request} n'a pas été remise à la CNAS ; l'autorisation finit le {day}.")
        sentence = said(told, request=asked.name.told, day=day(asked.authorised_until))
        yield Found(sentence=sentence, urgency=Urgency.NOW, request=asked.hash, due=asked.authorised_until)


def _sent_before_today(file: File) -> Iterator[date]:
    for asked in file.requests:
        if asked.state in UNACKNOWLEDGED:
            yield asked.sent_on + timedelta(days=1)


def _to_answer(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if asked.state in OPEN:
            near = asked.ends_at is not None and asked.ends_at.date() - file.today <= SHORT
            urgency = Urgency.NOW if near else Urgency.SOON
            yield about(asked, french("Répondre à la demande {request} avant la fin du délai."), urgency, asked.ends_at)


def _near(file: File) -> Iterator[date]:
    for asked in file.requests:
        if asked.state in OPEN and asked.ends_at is not None:
            yield asked.ends_at.date() - SHORT


def _question(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if file.place(*_QUESTIONS, request=asked.hash) > file.place(*_REPLIES, request=asked.hash):
            told = french("Répondre à la question de la CNAS sur la demande {request} : elle n'arrête pas le délai.")
            due = asked.ends_at if asked.state in OPEN else None
            yield about(asked, told, Urgency.NOW if due else Urgency.SOON, due)


def _silence(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if asked.state is State.ELAPSED:
            told = french(
                "Délai de la demande {request} écoulé sans réponse : voir ce qui manque pour enregistrer le silence."
            )
            yield about(asked, told, Urgency.NOW)


def _disputed(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if asked.state is State.ANSWER_DISPUTED:
            yield _to_rule(asked, french("Réponse à la demande {request} : à temps ou tardive, à départager."))


def _contested(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if asked.contested:
            yield _to_rule(
                asked, french("Demande {request} réputée acceptée, mise en cause depuis : maintenir ou retirer.")
            )


def _to_rule(asked: Asked, alone: str) -> Found:
    if asked.ruled_by is None:
        return about(asked, alone, Urgency.NOW)
    told = french("Confirmer ce que {who} a dit de la demande {request} : une seconde personne est demandée.")
    return Found(
        sentence=said(told, who=asked.ruled_by, request=asked.name.told), urgency=Urgency.NOW, request=asked.hash
    )


def _regularisation(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if asked.state is State.TACITLY_ACCEPTED:
            told = french(
                "Demande {request} réputée acceptée : le formulaire SE 352-302 de régularisation est attendu."
            )
            yield about(asked, told)


def _form(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if asked.form_owed and asked.state in _GRANTED:
            yield about(
                asked, french("Demande {request} acceptée sans le formulaire SE 352-302, partie 7 : il reste dû.")
            )


def _to_cpam(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if _validated(asked) and not file.of(_TO_CPAM, request=asked.hash):
            yield about(asked, french("Transmettre à la CPAM le formulaire SE 352-302 de la demande {request}."))


def _rights(file: File) -> Iterator[Found]:
    """Once the form went to the CPAM, as far as who looks can know (003:L290)."""
    for asked in file.requests:
        if not asked.prolongs or not _validated(asked) or file.of("RIGHTS_EXTENDED", request=asked.hash):
            continue
        yield about(asked, french("Vérifier que la CPAM a prolongé les droits (demande {request})."), Urgency.LATER)


def _rights_sent(file: File) -> Iterator[Found]:
    for found in _rights(file):
        if file.of(_TO_CPAM, request=found.request):
            yield found


def _validated(asked: Asked) -> bool:
    return asked.state in _GRANTED and not asked.form_owed


def _no_motive(file: File) -> Iterator[Found]:
    for asked in file.requests:
        refused = file.newest(_REFUSAL, request=asked.hash)
        if asked.state is State.REFUSED and refused is not None and not refused.values.get("motive"):
            yield about(asked, french("Refus de la demande {request} sans motif médical : il doit être motivé."))


_RETURNS = {
    State.REFUSED: ((_REFUSAL,), Urgency.NOW),
    State.VITAL_DENIED: (("EXPERT_OPINION",), Urgency.NOW),
    State.MEDIATION_SETTLED: (("MEDIATION",), Urgency.SOON),
    State.PARTLY_ACCEPTED: (("EXTENSION_ACCEPTANCE", "EXTENSION_PARTIAL_ACCEPTANCE"), Urgency.SOON),
}
"""What a request that prolonged leads to a return by, and how soon it must be asked."""


def _repatriation(file: File) -> Iterator[Found]:
    """A stay that goes on and is granted no further: the CNAS pays until the effective repatriation (003:L284)."""
    if file.state not in {Stay.ADMITTED, Stay.AUTHORISED, Stay.INTERRUPTED}:
        return
    for asked in file.requests:
        if not asked.prolongs or asked.state not in _RETURNS or _goes_on(file, asked):
            continue
        kinds, urgency = _RETURNS[asked.state]
        if file.place("REPATRIATION_REQUEST") > file.place(*kinds, request=asked.hash):
            continue
        told = french("Demander le rapatriement à la CNAS : la demande {request} n'est pas accordée.")
        if asked.state is State.PARTLY_ACCEPTED:
            rest = french(
                "Préparer la sortie ou le rapatriement pour le {day} : le reste de la demande {request} est refusé."
            )
            sentence = said(rest, request=asked.name.told, day=day(asked.last))
            yield Found(sentence=sentence, urgency=urgency, request=asked.hash, due=asked.last)
        else:
            yield about(asked, told, urgency)


def _goes_on(file: File, refused: Asked) -> bool:
    """Whether another request still carries the stay further."""
    carried = OPEN | _GRANTED | {State.TACITLY_ACCEPTED, State.VITAL_CONFIRMED}
    others = [asked for asked in file.requests if asked is not refused and asked.prolongs and asked.state in carried]
    return any(asked.last > refused.last or asked.sent_on > refused.sent_on for asked in others)


def _mediation(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if asked.state is State.VITAL_DISPUTED:
            told = french("Urgence vitale contestée (demande {request}) : ouvrir la conciliation entre médecins.")
            yield about(asked, told, Urgency.NOW)
        elif asked.state is State.MEDIATION:
            yield about(asked, french("Conciliation ouverte (demande {request}) : en noter l'issue."))


def _expertise(file: File) -> Iterator[Found]:
    for asked in file.requests:
        if asked.state is State.EXPERTISE:
            yield about(asked, french("Expertise demandée (demande {request}) : conclusions attendues."), Urgency.LATER)


def _answer(ref: str) -> tuple[str, ...]:
    ways = ("--accept", "--partial --from DATE --until DATE", "--refuse --motive MOTIF")
    return tuple(f"gateway answer {ref} {way} --attach FORMULAIRE" for way in ways)


def _answer_with_motive(ref: str) -> tuple[str, ...]:
    return (f"gateway answer {ref} --refuse --motive MOTIF",)


def _settle(ref: str) -> tuple[str, ...]:
    return tuple(f"gateway settle {ref} {how} --because RAISON" for how in ("--in-time", "--late"))


def _rule_on(ref: str) -> tuple[str, ...]:
    acts = tuple(f"gateway challenge {act} {ref} --because RAISON" for act in ("uphold", "withdraw"))
    return (f"gateway challenge list {ref}", *acts)


def _confirm(ref: str) -> tuple[str, ...]:
    return (f"gateway confirm {ref} --list",)


_REGULARISE = write("EXTENSION_REGULARISATION")

RULES = (
    rule(NO_RECEIPT, _A, _no_receipt, "003:L270", {_H: look}, turns=_sent_before_today),
    rule("acceptance_contested", _H, _contested, "003:L268-272", {_H: _rule_on}),
    rule("answer_disputed", _H, _disputed, "003:L268-274", {_H: _settle}),
    rule("silence_to_confirm", _H, _silence, "003:L272", {_H: _confirm}),
    rule("request_to_answer", _A, _to_answer, "003:L268", {_A: _answer}, turns=_near),
    rule("question_to_answer", _H, _question, "003:L282", {_H: write("INFO_RESPONSE"), _A: look}),
    rule("repatriation_to_ask", _H, _repatriation, "003:L284, L338-344", {_H: write("REPATRIATION_REQUEST")}),
    rule("mediation_to_lead", _H, _mediation, "003:L318-326", {_H: write("MEDIATION"), _A: write("MEDIATION")}),
    rule("opinion_awaited", _A, _expertise, "003:L310-316", {_H: look, _A: write("EXPERT_OPINION")}),
    rule("refusal_not_motivated", _A, _no_motive, "003:L100", {_H: REMIND, _A: _answer_with_motive}),
    rule("regularisation_awaited", _A, _regularisation, "003:L288", {_A: _REGULARISE, _H: REMIND, _E: look}),
    rule("form_owed", _A, _form, "003:L280", {_A: _REGULARISE, _H: REMIND, _E: look}),
    rule("form_to_cpam", _H, _to_cpam, "003:L264, L290", {_H: write(_TO_CPAM)}),
    rule("rights_to_check", _E, _rights, "003:L290", {_E: note("RIGHTS_EXTENDED")}),
    rule("rights_to_note", _H, _rights_sent, "003:L290", {_H: note("RIGHTS_EXTENDED")}),
)
