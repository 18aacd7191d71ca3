"""The proof of silence, as the certificate prints it: who looked where, how long nobody did, what else was known."""

from collections.abc import Iterator

from gateway.domain.certificate import Certificate, Watched
from gateway.domain.labels import ASKED, CONDITIONS
from gateway.domain.sheet import Block, Heading, Items, Paragraph, Table, Text, long_instant, short_instant
from gateway.domain.words import Said, french, said

_BY_GATEWAY = {
    "no_answer_by_another_way": french("la CNAS répond par sa passerelle : une autre voie n'est pas attendue"),
    "no_gap_in_polls": french(
        "une interruption des relevés n'a pu cacher une réponse de la passerelle de la CNAS : les numéros (UID) qui se "
        "suivent montrent que tout ce qui est entré a été lu"
    ),
}
"""What these conditions rest on where the partner runs a gateway."""


def silence_blocks(certificate: Certificate) -> Iterator[Block]:
    """The part of the certificate that is about it."""
    silence = certificate.silence
    yield Heading(text=said("La preuve du silence"))
    yield Paragraph(
        text=said(
            "Relevés de la boîte entre la préparation de la demande et le constat ; une suite de relevés qui commence "
            "avant ou finit après y figure entière. Tout courrier relevé dans ces dossiers est inscrit au journal. "
            "Heures de Paris."
        )
    )
    yield Table(
        head=(
            *(said("Dossier surveillé"), said("Relevés réussis"), said("Premier"), said("Dernier")),
            *(said("Plus long intervalle"), said("Prochain n° (UID)")),
        ),
        widths=(9, 5, 7, 7, 6, 5),
        rows=tuple(_folder(each) for each in silence.watched),
    )
    yield Items(items=(*_gaps(certificate), *_elsewhere(certificate)))
    yield Paragraph(text=said("Conditions réunies au moment du constat, inscrites au journal :"))
    yield Items(items=tuple(_condition(name, certificate) for name in silence.conditions))


def _condition(name: str, certificate: Certificate) -> Text:
    """A condition, and on what it held: the facts, a person's word, or that the partner's answers come by a gateway."""
    silence = certificate.silence
    label = Said(CONDITIONS[name]) if name in CONDITIONS else name
    if any(ASKED.get(code, f"confirmed_{code}") == name for code in silence.confirmed):
        return said("{condition} – sur la parole d'une personne", condition=label)
    if silence.by_gateway and name in _BY_GATEWAY:
        return Said(_BY_GATEWAY[name])
    return label


def _folder(each: Watched) -> tuple[Text, ...]:
    minutes, seconds = divmod(each.longest_gap, 60)
    hours, minutes = divmod(minutes, 60)
    gap = said("{hours} h {minutes:02} min {seconds:02} s", hours=hours, minutes=minutes, seconds=seconds)
    return (
        each.place,
        str(each.looks),
        short_instant(each.first_at),
        short_instant(each.last_at),
        gap,
        str(each.uidnext),
    )


def _gaps(certificate: Certificate) -> Iterator[Text]:
    silence = certificate.silence
    found = [(each.place, *gap) for each in silence.watched for gap in each.gaps]
    if not found:
        yield said("Aucune interruption des relevés de plus de deux heures.")
    for place, start, end in found:
        yield said(
            "Interruption de {place} : du {start} au {end}.",
            place=place,
            start=long_instant(start),
            end=long_instant(end),
        )
    if silence.vanished:
        yield said("Courriers disparus de la boîte avant d'être lus : {count}.", count=silence.vanished)
    else:
        yield said("Aucun courrier n'a disparu de la boîte avant d'être lu.")


def _elsewhere(certificate: Certificate) -> Iterator[Text]:
    silence = certificate.silence
    yield said("Aucune autre boîte n'a été surveillée.")
    if silence.physician_unwatched:
        yield said("Celle du médecin qui suit ce patient ne l'a pas été : une réponse a pu y venir sans être vue.")
    for convention in silence.conventions:
        yield said("Les réponses viennent à cette adresse seule, par convention : {convention}.", convention=convention)
    if "other_way" in silence.confirmed:
        yield said("Une personne a dit, sous son nom, qu'aucune réponse n'est venue par une autre voie.")
