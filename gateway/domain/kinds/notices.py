"""What the gateways add to the catalogue, unnumbered: notices on a request's state, and the copy that was forgotten."""

from gateway.domain import request
from gateway.domain.kinds.shape import Field, FieldType, Kind, Route, Subject, choice, day, piece, text
from gateway.domain.parties import Function, Grade, Role

PROBE = "PROBE"
"""Kind of the mail that a gateway sends to itself to try its servers. No row has it: nobody else may send or get it."""

STATUS_NOTICE = Kind(
    id="STATUS_NOTICE",
    number=None,
    title="Information sur l'état d'une demande",
    subject=Subject.NOTICE,
    routes=(Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_UNIT,)),),
    fields=(
        choice("state", "etat", "état de la demande", *(state.value for state in request.State)),
        choice("grade", "preuve", "preuve de réception", *(grade.name.lower() for grade in Grade), required=False),
        Field(id="started_at", fiche="debut", title="réception par la CNAS", type=FieldType.INSTANT, required=False),
        Field(
            id="ends_at",
            fiche="fin",
            title="fin du délai de quatre jours ouvrables",
            type=FieldType.INSTANT,
            required=False,
        ),
    ),
    effect="le CNSE suit les délais",
    source="003:L290 (le CNSE suit les échanges)",
)

TACIT_ACCEPTANCE_NOTICE = Kind(
    id="TACIT_ACCEPTANCE_NOTICE",
    number=None,
    title="Notification d'acceptation réputée acquise",
    subject=Subject.NOTICE,
    routes=(Route(sender=Role.HOSPITAL, to=(Function.AGREEMENTS_UNIT,), copy=(Function.MEDICAL_UNIT,)),),
    fields=(
        Field(id="started_at", fiche="debut", title="réception par la CNAS", type=FieldType.INSTANT),
        Field(id="effective_at", fiche="effet", title="acceptation réputée acquise depuis", type=FieldType.INSTANT),
        day("requested_from", "demande.du", "début demandé"),
        day("requested_until", "demande.au", "fin demandée"),
    ),
    precondition="M18",
    effect="la CNAS sait qu'elle doit le formulaire",
    source="003:L272, L286",
)

TACIT_ACCEPTANCE_WITHDRAWAL = Kind(
    id="TACIT_ACCEPTANCE_WITHDRAWAL",
    number=None,
    title="Retrait d'une acceptation réputée acquise",
    subject=Subject.NOTICE,
    # Whoever got the notice gets the correction.
    routes=TACIT_ACCEPTANCE_NOTICE.routes,
    fields=(
        Field(id="effective_at", fiche="effet", title="acceptation notifiée, depuis", type=FieldType.INSTANT),
        Field(id="withdrawn_at", fiche="retrait.le", title="retirée le", type=FieldType.INSTANT),
        text("reason", "retrait.motif", "motif"),
    ),
    precondition="une notification d'acceptation réputée acquise",
    effect="la demande revient à ce qui en est connu",
    source="correction d'un avis ; 003:L272",
)

REPAIRED_COPY = Kind(
    id="REPAIRED_COPY",
    number=None,
    title="Copie d'un message que son auteur ne vous a pas adressée",
    subject=Subject.NOTICE,
    # Only those whom a text names are told; the draft says who of them was forgotten.
    routes=(
        Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_UNIT, Function.MEDICAL_ADVISER)),
        Route(sender=Role.CNAS, to=(Function.MEDICAL_UNIT, Function.MEDICAL_ADVISER)),
        Route(sender=Role.CNSE, to=(Function.TREATING_PHYSICIAN, Function.ADMINISTRATION)),
    ),
    fields=(text("copied_kind", "copie.type", "type du message"), text("copied_from", "copie.auteur", "auteur")),
    pieces=(piece("copy", "copie", "message d'origine, signature comprise", medical=True),),
    effect="montrée, jamais exécutée",
    source="003:L264, L282, L302 ; 002:L137-139",
)

ROWS = (STATUS_NOTICE, TACIT_ACCEPTANCE_NOTICE, TACIT_ACCEPTANCE_WITHDRAWAL, REPAIRED_COPY)
