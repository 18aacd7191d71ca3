"""What the trial shows: whether our mails were taken, where they landed, what was changed on their way."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum

from gateway.doctor import compare
from gateway.doctor.compare import Damage
from gateway.doctor.finding import Finding, Words, blocking, fine, to_know, to_mend
from gateway.doctor.letter import Probe
from gateway.doctor.search import Found
from gateway.doctor.servers import agreement, difference
from gateway.domain.errors import MailMalformed
from gateway.domain.evidence import reception
from gateway.domain.parties import Suite
from gateway.domain.words import said
from gateway.ports import HandOver, HandOverOutcome
from gateway.storage import Mail, Verdict
from gateway.wire import incoming, mime

# --- Taken by the server?


def may_arrive(outcome: HandOverOutcome) -> bool:
    """Whether it is worth looking for the mail."""
    return outcome.result in {HandOver.ACCEPTED, HandOver.UNKNOWN}


def refused(probe: Probe, outcome: HandOverOutcome) -> Finding:
    """What the submission server said when it did not take the mail."""
    told: dict[str, object] = {
        "suite": probe.suite,
        "result": outcome.result,
        "code": outcome.code,
        "answer": outcome.text,
    }
    answer = f"{outcome.code or ''} {outcome.text}".strip()
    if probe.null_sender:
        return blocking(
            "probe.null_sender",
            said("Le serveur d'envoi refuse l'expéditeur vide (MAIL FROM:<>) : {answer}.", answer=answer),
            said("Nos accusés de réception partent ainsi (RFC 8098) : les partenaires ne les recevront pas."),
            said("Autorisez l'expéditeur vide pour ce compte ; le serveur doit l'accepter (RFC 5321, § 4.5.5)."),
            **told,
        )
    return blocking(
        "probe.sent",
        said("Le serveur d'envoi refuse un courrier adressé à nous-mêmes : {answer}.", answer=answer),
        said("Il refusera sans doute aussi les courriers scellés pour les partenaires."),
        said("Vérifiez que ce compte peut envoyer avec l'adresse de [gateway] address."),
        **told,
    )


# --- Arrived where?


def lost(probe: Probe, wait: float) -> Finding:
    """It was taken and not seen again."""
    told: dict[str, object] = {"suite": probe.suite, "seconds": wait}
    if probe.null_sender:
        return to_mend(
            "probe.null_sender",
            said(
                "Le courrier à expéditeur vide (MAIL FROM:<>) a été pris, mais n'est pas arrivé en {seconds:.0f} s.",
                seconds=wait,
            ),
            said("Nos accusés de réception partent ainsi : ils risquent de se perdre."),
            said("Cherchez dans le journal du serveur ce qu'il en a fait, ou relancez avec --wait 300."),
            **told,
        )
    return blocking(
        "probe.arrived",
        said(
            "Le message d'essai a été pris par le serveur d'envoi, mais n'est pas arrivé en {seconds:.0f} s.",
            seconds=wait,
        ),
        said("Il est retardé, jeté, ou déposé dans une autre boîte."),
        said("Cherchez dans le journal du serveur ce qu'il en a fait, ou relancez avec --wait 300."),
        **told,
    )


_NAMES: dict[tuple[Suite, bool], Words] = {
    (Suite.OPENPGP, False): said("Le message d'essai"),
    (Suite.OPENPGP, True): said("L'accusé d'essai (expéditeur vide)"),
    (Suite.SMIME, False): said("Le message d'essai en S/MIME"),
    (Suite.SMIME, True): said("L'accusé d'essai en S/MIME (expéditeur vide)"),
}


def _name(probe: Probe) -> Words:
    return _NAMES[probe.suite, probe.null_sender]


def placed(found: Found, watch: tuple[str, ...], sent_at: datetime) -> Finding:
    """The folder where it landed."""
    name = found.folder.name
    check = "probe.null_sender" if found.probe.null_sender else "probe.arrived"
    what = _name(found.probe)
    seconds = round((found.seen_at - sent_at).total_seconds())
    told: dict[str, object] = {"suite": found.probe.suite, "folder": name, "seconds": seconds, "watched": name in watch}
    if name == watch[0]:
        return fine(
            check,
            said("{what} est arrivé dans {folder} en {seconds} s.", what=what, folder=name, seconds=seconds),
            **told,
        )
    landed = said("{what} a été déposé dans « {folder} ».", what=what, folder=name)
    rule = said(
        "Ajoutez l'adresse de la passerelle et celles des partenaires aux expéditeurs sûrs, ou changez la règle de tri."
    )
    if name in watch:
        return to_mend(
            check,
            landed,
            said("Ce dossier est relevé, mais les courriers qu'on y met sont souvent effacés."),
            rule,
            **told,
        )
    return blocking(
        check, landed, said("Ce dossier n'est pas relevé : des réponses resteraient inconnues."), rule, **told
    )


# --- Changed on its way?

_REWRITES = (
    said("Un serveur modifie le contenu des courriers."),
    said("Cherchez quel filtre réécrit (liens, encodage, antivirus), et exemptez l'adresse de la passerelle."),
)
_FAULTS: dict[Damage, tuple[Words, Words]] = {
    Damage.TOUCHED: _REWRITES,
    Damage.CHANGED: _REWRITES,
    Damage.ADDED: (
        said("Un serveur ajoute quelque chose aux courriers (bandeau, pied de page, avis d'antivirus)."),
        said("Exemptez l'adresse de la passerelle de cet ajout, à l'envoi comme à la réception."),
    ),
    Damage.STRIPPED: (
        said("Un serveur enlève des pièces des courriers."),
        said("Autorisez pour cette adresse les pièces .asc (octet-stream, pgp-signature), .p7m et .p7s."),
    ),
}


def content(found: Found, failed_step: str | None) -> Finding:
    """The content as it arrived; ``failed_step`` is where our own worker stopped when it opened it."""
    check = "probe.receipt" if found.probe.null_sender else "probe.content"
    what = _name(found.probe)
    damage = compare.damage(found.probe.raw, found.raw)
    told: dict[str, object] = {"suite": found.probe.suite, "damage": damage, "failed_step": failed_step}
    if damage is Damage.NONE and failed_step is None:
        return fine(check, said("{what} est arrivé octet pour octet, et se vérifie.", what=what), **told)
    if failed_step is None:
        return to_know(
            check,
            said("{what} a été retouché en route, mais se vérifie encore.", what=what),
            said("Un serveur change la présentation des courriers, pas ce qui est signé."),
            said("Rien n'est à faire, sinon savoir qu'un serveur les touche."),
            **told,
        )
    if damage in _FAULTS:
        fault, mend = _FAULTS[damage]
        why = said("{what} ne se vérifie plus : nos courriers et ceux des partenaires seront refusés.", what=what)
        return blocking(check, fault, why, mend, **told)
    return blocking(
        check,
        said("{what} ne se rouvre pas (étape {step}).", what=what, step=failed_step),
        said("Il est arrivé intact : la clé, la phrase secrète ou GnuPG sont en cause."),
        said("Voyez plus haut ce qui est dit de vos clés et de GnuPG."),
        **told,
    )


def headers(found: Found) -> Iterator[Finding]:
    """Header fields that were rewritten."""
    changed = compare.rewritten(found.probe.raw, found.raw)
    if "message-id" in changed:
        yield to_mend(
            "probe.message_id",
            said("Un serveur réécrit le Message-ID."),
            said("Les accusés d'un partenaire sans passerelle citeront un identifiant inconnu : il faudra les trier."),
            said("Désactivez cette réécriture pour l'adresse de la passerelle."),
        )
    else:
        yield fine("probe.message_id", said("Message-ID conservé."))
    if "date" in changed:
        yield to_know(
            "probe.date",
            said("Un serveur change la date d'envoi (Date)."),
            said("La date qui fait foi est celle qui est scellée : rien n'est faussé, mais un lecteur voit l'autre."),
            said("Désactivez cette réécriture si vous le pouvez."),
        )
    else:
        yield fine("probe.date", said("Date d'envoi conservée."))
    others = [name for name in changed if name not in {"message-id", "date"}]
    if others:
        yield to_know(
            "probe.headers",
            said("Un serveur réécrit : {names}.", names=", ".join(others)),
            said("La passerelle ne croit que les en-têtes scellés, mais une personne verra ceux-là."),
            said("Un préfixe d'objet ou une adresse réécrite se règle sur le serveur."),
            names=others,
        )


# --- When, and by whom?


def trace(found: Found, own_mta: Sequence[str], sent_at: datetime) -> Iterator[Finding]:
    """The hosts that stamped the mail, and their clocks."""
    try:
        hops = [(by or "", at) for by, at in incoming.read_outer(mime.parse(found.raw).headers).hops]
    except MailMalformed:
        # Told already: a mail that cannot be read any more was changed.
        return
    ours = frozenset(host.lower().rstrip(".") for host in own_mta)
    yield _hosts([host for host, _ in hops], ours)
    stamped = reception(hops, ours, found.internaldate, None)
    earliest, latest = sent_at.replace(microsecond=0), found.seen_at
    off = max((difference(item.at, earliest, latest) for item in stamped.candidates), key=abs)
    instants = {item.source.value: item.at for item in stamped.candidates}
    yield agreement(
        "probe.clock",
        said("les dates que vos serveurs donnent aux courriers"),
        off,
        sent_at=sent_at,
        seen_at=latest,
        **instants,
    )


def _hosts(found: list[str], ours: frozenset[str]) -> Finding:
    own = next((index for index, host in enumerate(found) if host not in ours), len(found))
    strange = [host for host in dict.fromkeys(found) if host not in ours]
    told: dict[str, object] = {"hosts": found, "own_mta": sorted(ours)}
    if not found:
        return to_mend(
            "probe.own_mta",
            said("Aucun serveur n'a inscrit son nom dans le courrier (Received)."),
            said("La réception d'un courrier ne sera datée que par INTERNALDATE : une personne devra la confirmer."),
            said("Vérifiez que vos serveurs n'effacent pas les lignes Received."),
            **told,
        )
    names = ", ".join(f'"{host}"' for host in dict.fromkeys(found) if host)
    if not own:
        return to_mend(
            "probe.own_mta",
            said(
                "[reception] own_mta ne nomme pas le serveur qui a déposé le courrier : {host}.", host=found[0] or "?"
            ),
            said("La réception des courriers n'est pas datée par vos serveurs : une personne devra la confirmer."),
            said("S'ils sont les vôtres, écrivez own_mta = [{names}] dans [reception].", names=names),
            **told,
        )
    if strange:
        return to_know(
            "probe.own_mta",
            said(
                "Serveurs vus dans le courrier et absents de [reception] own_mta : {names}.", names=", ".join(strange)
            ),
            said("La réception est datée par vos serveurs connus ; celui-ci a peut-être reçu le courrier avant eux."),
            said("S'il est le vôtre, ajoutez-le : own_mta = [{names}].", names=names),
            **told,
        )
    return fine("probe.own_mta", said("Les serveurs vus dans le courrier sont ceux de [reception] own_mta."), **told)


# --- The daemon, and what stays.


def service(rows: Sequence[Mail | None]) -> Finding:
    """What the running daemon made of the mails; None is one that it has not recorded."""
    known = [row for row in rows if row is not None]
    strange = [row for row in known if row.verdict not in {Verdict.PROBE, Verdict.DUPLICATE}]
    if len(known) < len(rows):
        return to_mend(
            "probe.service",
            said("Le service tourne, mais n'a pas relevé le message d'essai à temps."),
            said("Il ne relèvera pas non plus une réponse."),
            said("Voyez son journal : « task.failing » dit ce qui l'arrête."),
        )
    if strange:
        numbers = ", ".join(str(row.id) for row in strange)
        return to_know(
            "probe.service",
            said("Le service n'a pas reconnu le message d'essai : courrier {numbers}.", numbers=numbers),
            said("Il a été modifié en route, ou le service est d'une version plus ancienne que cette commande."),
            said("Classez-le : gateway triage classify {number} not-an-answer", number=strange[0].id),
            mails=[row.id for row in strange],
        )
    return fine("probe.service", said("Le service a relevé le message d'essai et l'a laissé de côté."))


class Left(Enum):
    """Why one of our mails stays in the mailbox."""

    UNREAD = "unread"
    NO_UIDPLUS = "no_uidplus"


def tidied(left: Sequence[tuple[Found, Left]]) -> Finding:
    """Whether the mailbox is as it was."""
    if not left:
        return fine("probe.removed", said("Les messages d'essai ont été retirés de la boîte."), left=0)
    folders = ", ".join(dict.fromkeys(found.folder.name for found, _ in left))
    what = said("{count} message(s) d'essai reste(nt) dans : {folders}.", count=len(left), folders=folders)
    told: dict[str, object] = {"left": len(left), "folders": folders}
    if any(why is Left.UNREAD for _, why in left):
        return to_know(
            "probe.removed",
            what,
            said(
                "Le service ne les a pas encore relevés : effacés avant, ils passeraient pour des courriers disparus."
            ),
            said("Laissez le service les relever ; vous pourrez ensuite les effacer."),
            **told,
        )
    return to_know(
        "probe.removed",
        what,
        said("Ce serveur (sans UIDPLUS) ne permet pas de les effacer sans risque pour d'autres courriers."),
        said("Effacez-les vous-même : leur objet commence par « Message d'essai de la passerelle »."),
        **told,
    )
