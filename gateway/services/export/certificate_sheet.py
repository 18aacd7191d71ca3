"""The certificate of tacit acceptance as a document: every line of it says a fact of the certificate."""

from collections.abc import Iterator

from gateway.domain.certificate import Certificate
from gateway.domain.challenge import GROUNDS, Finding
from gateway.domain.days import ALGIERS
from gateway.domain.kinds import KINDS, parse_date
from gateway.domain.labels import ASKED, CONDITIONS, GRADES, READINGS, REASONS, ROLES
from gateway.domain.period import DayLine
from gateway.domain.sheet import (
    NOTHING,
    Block,
    Exact,
    Facts,
    Heading,
    Items,
    Notice,
    Paragraph,
    Sheet,
    Table,
    Text,
    Verbatim,
    end_of_day,
    euros,
    long_day,
    long_instant,
    short_instant,
)
from gateway.domain.words import Said, dated, french, listed, said
from gateway.services.export.certificate_silence import silence_blocks

JSON, SIGNATURE, KEY = "certificat.json", "certificat.signature", "cle-de-verification.pem"
"""The files inside the certificate."""

CHECK = f"""\
pdfdetach -saveall CERTIFICAT.pdf
openssl pkeyutl -verify -pubin -inkey {KEY} -rawin \\
  -in {JSON} -sigfile {SIGNATURE}
"""
"""What verifies it; a test runs it."""

_FINDINGS = {
    Finding.UPHELD: french("l'acceptation est maintenue"),
    Finding.WITHDRAWN: french("l'acceptation est à retirer"),
}
_ANCHORS = {
    "file": french("fichier d'ancres"),
    "timestamp": french("horodatage (RFC 3161)"),
    "mail": french("courrier à une boîte extérieure"),
}


def certificate_sheet(certificate: Certificate) -> Sheet:
    """The whole document."""
    terms = certificate.terms
    return Sheet(
        title=said("Certificat d'acceptation réputée acquise"),
        subtitle=said("Soins programmés – instruction DSS/DACI/2019/224, § 5.1 b et c"),
        author=certificate.by.name,
        reference=said("Dossier {ref}", ref=terms.case),
        foot=said(
            "Établi le {at} par {who} – demande {hash}",
            at=long_instant(certificate.issued_at),
            who=certificate.issued_by,
            hash=terms.hash[:12],
        ),
        mark=said("Démonstration") if certificate.rehearsal else None,
        blocks=(
            *_warnings(certificate),
            *_statement(certificate),
            *_request(certificate),
            *_parties(certificate),
            *_evidence(certificate),
            *_period(certificate),
            *silence_blocks(certificate),
            *_persons(certificate),
            *_log(certificate),
            *_check(certificate),
        ),
    )


def _warnings(certificate: Certificate) -> Iterator[Block]:
    if certificate.rehearsal:
        yield Notice(
            title=said("Démonstration : ce document ne certifie rien."),
            text=said("Établissements, patient, heures et courriers y sont inventés."),
        )
    if certificate.contested:
        yield Notice(
            title=said("Acceptation mise en cause, sur laquelle personne ne s'est encore prononcé."),
            text=said(
                "{grounds}. Ne vous fondez pas sur ce certificat sans joindre l'établissement.",
                grounds=listed(
                    said("{ground} ({at})", ground=Said(GROUNDS[each.ground]), at=long_instant(each.raised_at))
                    for each in certificate.doubts
                    if each.open
                ),
            ),
        )


def _statement(certificate: Certificate) -> Iterator[Block]:
    terms = certificate.terms
    yield Paragraph(
        strong=True,
        text=said(
            "{hospital} certifie que sa demande de prolongation des soins du {first} au {last}, reçue par la CNAS le "
            "{received}, est restée sans réponse pendant les quatre jours ouvrables algériens qui lui étaient donnés. "
            "L'acceptation est réputée acquise dans les termes de la demande, avec effet à la {end}.",
            hospital=certificate.by.name,
            first=long_day(terms.requested_from),
            last=long_day(terms.requested_until),
            received=long_instant(certificate.period.received, ALGIERS),
            end=end_of_day(certificate.effective_at),
        ),
    )


def _request(certificate: Certificate) -> Iterator[Block]:
    terms = certificate.terms
    kind = KINDS[terms.kind]
    form = said("{title} ({form})", title=Said(kind.title), form=kind.form) if kind.form else Said(kind.title)
    yield Heading(text=said("La demande"))
    yield Facts(
        rows=(
            (said("Dossier"), Exact(terms.case)),
            *_patient(certificate),
            (said("Formulaire"), form),
            (said("Nature"), Said(terms.nature)),
            (
                said("Soins demandés"),
                said(
                    "du {first} au {last}", first=long_day(terms.requested_from), last=long_day(terms.requested_until)
                ),
            ),
            *(((said("Devis complémentaire"), euros(terms.quote_eur)),) if terms.quote_eur else ()),
            (said("Autorisation précédente"), said("jusqu'au {day}", day=long_day(terms.authorised_until))),
            (said("Préparée"), long_instant(terms.submitted_at)),
            (said("Remise au serveur"), long_instant(terms.handed_over_at)),
            (said("Complète"), said("oui") if terms.complete else said("non")),
            (said("Empreinte (SHA-256)"), Exact(terms.hash)),
        )
    )
    yield Paragraph(
        text=said(
            "L'empreinte est celle de ce que l'hôpital a signé : les soins, leur motif et les pièces n'y changent pas "
            "sans qu'elle change. Elle figure dans l'accusé de réception. Ce certificat ne contient rien de médical."
        )
    )


def _patient(certificate: Certificate) -> Iterator[tuple[Text, Text]]:
    patient = certificate.terms.patient
    if patient is None:
        return
    names = (patient.get("patient_name", ""), patient.get("patient_first_name", ""))
    born = patient.get("patient_born", "")
    day = parse_date(born)
    yield said("Patient"), " ".join(names).strip()
    yield said("Date de naissance"), dated(day) if day else born
    yield said("Numéro d'assuré"), patient.get("insurance_number", "")


def _parties(certificate: Certificate) -> Iterator[Block]:
    yield Heading(text=said("Les parties"))
    sides = (certificate.by, *certificate.partners)
    yield Table(
        head=(said("Qualité"), said("Nom"), said("Adresse de messagerie sécurisée")),
        widths=(3, 4, 5),
        rows=tuple((Said(ROLES[side.role]), side.name, side.address) for side in sides),
    )


def _evidence(certificate: Certificate) -> Iterator[Block]:
    yield Heading(text=said("Les preuves de réception"))
    grade = Said(GRADES[certificate.started_by])
    yield Paragraph(
        text=said(
            "Le délai part du {at}. Force de la preuve retenue : {grade}. Seules celles de la CNAS le font partir. "
            "Heures d'Alger.",
            at=long_instant(certificate.period.received, ALGIERS),
            grade=grade,
        )
    )
    yield Table(
        head=(
            *(said("Partenaire"), said("Preuve"), said("Envoi"), said("Réception déclarée")),
            *(said("Datée par son auteur"), said("Arrivée ici"), said("Inscrite")),
        ),
        widths=(7, 10, 9, 9, 9, 9, 9),
        rows=tuple(
            (
                row.partner,
                Said(GRADES[row.grade]),
                *(short_instant(at, ALGIERS) for at in (row.sent_at, row.stated_at, row.dated_at)),
                *(short_instant(at, ALGIERS) for at in (row.arrived_at, row.recorded_at)),
            )
            for row in certificate.evidence
        ),
    )


def _period(certificate: Certificate) -> Iterator[Block]:
    period = certificate.period
    yield Heading(text=said("Le délai, jour par jour"))
    yield Table(
        head=(said("Jour (à Alger)"), said("Compté"), said("Pourquoi"), said("Source")),
        widths=(7, 3, 8, 9),
        rows=tuple(_day(line) for line in period.days),
    )
    yield Facts(
        rows=(
            (said("Fin du délai"), end_of_day(period.tacit_at)),
            (said("Effet de l'acceptation"), end_of_day(certificate.effective_at)),
            (said("Silence constaté"), long_instant(certificate.recorded_at)),
            (said("Version du calendrier"), Exact(certificate.calendar)),
        )
    )
    if certificate.calendar != period.calendar_version:
        yield Paragraph(
            text=said(
                "Ce calendrier ne peut plus être refait : le tableau ci-dessus suit celui d'aujourd'hui ({version}).",
                version=period.calendar_version,
            )
        )
    yield Paragraph(text=said("Lectures du texte sur lesquelles ce compte repose :"))
    yield Items(items=tuple(Said(READINGS[reading.id]) for reading in period.readings))


def _day(line: DayLine) -> tuple[Text, ...]:
    rank = said("jour {rank}", rank=line.rank) if line.rank else said("non")
    reason = Said(REASONS[line.reason.value])
    why = said("{reason} {name}", reason=reason, name=line.name) if line.name else reason
    return (
        long_day(line.date),
        rank,
        said("{why} (incertain)", why=why) if line.uncertain else why,
        line.source or NOTHING,
    )


def _persons(certificate: Certificate) -> Iterator[Block]:
    yield Heading(text=said("Ce que des personnes ont affirmé"))
    if certificate.words:
        yield Table(
            head=(said("Qui"), said("Quoi"), said("Quand")),
            widths=(5, 10, 6),
            rows=tuple((row.person, _asked(row.asked), long_instant(row.at)) for row in certificate.words),
        )
    else:
        yield Paragraph(text=said("Personne n'a eu à confirmer quoi que ce soit : les faits ci-dessus y suffisaient."))
    if certificate.persons_needed > 1:
        yield Paragraph(text=said("Deux personnes différentes étaient exigées pour ce qui rend le constat possible."))
    else:
        yield Paragraph(
            text=said("Une seule personne suffisait au moment du constat : l'accord de deux n'était pas exigé.")
        )
    if certificate.doubts:
        yield Paragraph(text=said("Mises en cause depuis le constat, et ce que des personnes en ont dit :"))
        yield Table(
            head=(said("Qui"), said("Quoi"), said("Quand")),
            widths=(5, 10, 6),
            rows=(
                *(
                    (each.raised_by, Said(GROUNDS[each.ground]), long_instant(each.raised_at))
                    for each in certificate.doubts
                ),
                *(
                    (row.person, Said(_FINDINGS.get(row.finding, row.finding.value)), long_instant(row.at))
                    for row in certificate.rulings
                ),
            ),
        )


def _asked(code: str) -> Text:
    label = CONDITIONS.get(ASKED.get(code, f"confirmed_{code}"))
    return Said(label) if label else code


def _log(certificate: Certificate) -> Iterator[Block]:
    logged = certificate.logged
    yield Heading(text=said("Le journal"))
    yield Paragraph(
        text=said(
            "Le constat est l'enregistrement {index} du journal de l'établissement, dont rien ne s'efface ni ne se "
            "change sans que cela se voie.",
            index=logged.index,
        )
    )
    if logged.note is None:
        yield Paragraph(text=said("Aucun point de contrôle signé ne le couvre encore."))
        return
    yield Paragraph(text=said("Point de contrôle signé qui le couvre (nombre d'enregistrements, racine, date) :"))
    yield Verbatim(text=Exact(logged.note.strip()))
    for way, at in logged.anchored:
        yield Paragraph(text=said("Écrit au-dehors, {way} : {at}.", way=Said(_ANCHORS[way]), at=long_instant(at)))
    yield Paragraph(text=said("Clé de vérification du journal, à comparer à celle remise par une autre voie :"))
    yield Verbatim(text=Exact(certificate.key or ""))


def _check(certificate: Certificate) -> Iterator[Block]:
    yield Heading(text=said("Vérifier ce certificat"))
    if certificate.key is None:
        yield Paragraph(text=said("Les faits ci-dessus sont joints à ce fichier ({json}), sans signature.", json=JSON))
        return
    yield Paragraph(
        text=said(
            "Ce fichier en contient trois autres, que tout lecteur de PDF montre : {json}, les mêmes faits pour une "
            "machine ; {signature}, leur signature (Ed25519) ; {key}, la clé ci-dessus. Pour vérifier :",
            json=JSON,
            signature=SIGNATURE,
            key=KEY,
        )
    )
    yield Verbatim(text=Exact(CHECK.strip()))
    yield Paragraph(
        text=said(
            "La signature couvre {json}, non la mise en page : en cas de doute, comparez-les. L'empreinte (SHA-256) "
            "de ce fichier PDF est inscrite au journal, et le dossier complet la prouve.",
            json=JSON,
        )
    )
    yield Paragraph(
        text=said(
            "Le dossier complet (accusés signés, relevés, journal, preuves) se demande à l'établissement : "
            "« gateway dossier export {ref} ». Il se vérifie sans lui faire confiance.",
            ref=certificate.terms.case,
        )
    )
    yield Paragraph(text=said("Logiciel : {software}.", software=certificate.software))
