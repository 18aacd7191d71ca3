"""The two texts of a dossier: what happened, for a reader; how to check it all with common tools, for a doubter."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.domain.kinds import KINDS
from gateway.domain.labels import GRADES, STATES
from gateway.domain.parties import Party
from gateway.domain.period import Period
from gateway.services.export.facts import Export, Pieces, Policy
from gateway.services.export.gathering import Gathered
from gateway.storage import Direction, Request

_ALGIERS, _PARIS = ZoneInfo("Africa/Algiers"), ZoneInfo("Europe/Paris")
_NOT_ENCLOSED = {
    "content": "ouvert, avec du contenu : seulement dans un dossier fait avec --with-content",
    "forgotten": "oublié selon la durée de conservation ; son empreinte reste au journal",
    "absent": "jamais gardé",
}


def summary(
    found: Gathered, periods: dict[str, Period], pieces: Pieces, export: Export, *, party: Party, policy: Policy
) -> bytes:
    """``RESUME.txt``."""
    lines = [
        f"Dossier {found.case.ref}, tenu par {party.name} ({party.role.value}).",
        f"Exporté le {_instant(export.at)} par {export.actor}, avec {policy.software}.",
        "Contenu médical : joint, dans contenu/." if export.with_content else "Contenu médical : non joint.",
        "",
        f"Ouvert le {_instant(found.case.opened_at)}.",
        f"Autorisation connue jusqu'au {_day(found.case.authorised_until)}.",
        "",
    ]
    for request in found.requests:
        lines += [*_request(found, request, periods.get(request.hash)), ""]
    lines += ["Messages du dossier (heures de Paris) :", *_messages(found), ""]
    missing = list(_missing(pieces))
    if missing:
        lines += ["Pièces qui ne sont pas jointes :", *missing, ""]
    lines += [
        f"Politique en vigueur (politique.json) : marge de {policy.grace.total_seconds() / 3600:g} h après le délai.",
        f"Personnes nécessaires pour les actes qui engagent : {policy.persons_needed}.",
        "Ce qui est prouvé par le journal, et ce qui ne l'est pas encore : journal/ETAT.txt.",
        "Vérifier soi-même : LISEZMOI.txt.",
    ]
    return ("\n".join(lines) + "\n").encode()


def _request(found: Gathered, request: Request, period: Period | None) -> Iterator[str]:
    yield f"Demande {request.hash}"
    yield f"  du {_day(request.requested_from)} au {_day(request.requested_until)} ; état : {STATES[request.state]}"
    yield f"  préparée le {_instant(request.submitted_at)}, remise au serveur le {_instant(request.handed_over_at)}"
    for row in found.evidence:
        if row.request_hash == request.hash:
            yield (
                f"  preuve de réception : {GRADES[row.grade]} de {row.partner}, réception {_instant(row.stated_at)}, "
                f"arrivée ici {_instant(row.arrived_at)}"
            )
    if period is not None:
        counted = ", ".join(_day(day) for day in period.counted_days)
        yield f"  délai : reçue le {_instant(period.received)} ; jours comptés à Alger : {counted}"
        last = (period.tacit_at - timedelta(minutes=1)).astimezone(_ALGIERS)
        yield f"  fin du délai : {last:%d/%m/%Y à %H:%M}, heure d'Alger (calendrier/delais.json)"
    for silence in found.acceptances:
        if silence.request_hash == request.hash:
            yield f"  silence constaté le {_instant(silence.recorded_at)}, effet au {_instant(silence.effective_at)}"
            if silence.withdrawn_at is not None:
                yield f"  constat retiré le {_instant(silence.withdrawn_at)} (dossier.json : challenges, rulings)"


def _messages(found: Gathered) -> Iterator[str]:
    for row in found.messages:
        way = "reçu de" if row.direction is Direction.IN else "envoyé à"
        kind = KINDS.get(row.kind)
        title = kind.title if kind is not None else "Accusé de réception"
        yield f"  {_instant(row.at)}  {way} {row.partner.replace('+', ', ')} : {title}"


def _missing(pieces: Pieces) -> Iterator[str]:
    several = (
        ("courrier reçu", pieces.mails),
        ("courrier envoyé", pieces.transmissions),
        ("preuve apportée", pieces.entered),
    )
    for label, kept in several:
        for number, piece in kept.items():
            if piece.name is None:
                yield f"  {label} {number} (SHA-256 {piece.sha256 or '–'}) : {_NOT_ENCLOSED[piece.why or 'absent']}"


def _instant(at: datetime | None) -> str:
    return "–" if at is None else f"{at.astimezone(_PARIS):%d/%m/%Y à %H:%M:%S}"


def _day(day: object) -> str:
    return "–" if day is None else f"{day:%d/%m/%Y}"


README = r"""VÉRIFIER CE DOSSIER SANS NOUS CROIRE

Extrayez l'archive dans un dossier vide et ouvrez-y un terminal (bash). Il suffit de sha256sum, openssl (3 ou plus) et
gpg. « gateway dossier verify FICHIER.zip » fait tout cela d'un coup, et compare en plus chaque octet de l'archive ;
« --key » y ajoute la clé que vous tenez d'ailleurs. Chaque bloc ci-dessous s'arrête à la première erreur.

1. Aucun fichier n'a changé, aucun ne manque

# --- commande : empreintes
sha256sum --check --strict --quiet MANIFEST.sha256
sha256sum --check --strict --quiet PIECES.sha256
# --- fin

2. Le point de contrôle du journal est signé

La clé est dans journal/cle-de-verification.txt : comparez-la à celle que l'établissement vous a remise par une autre
voie (gateway audit key), et le point de contrôle à celui d'un fichier d'ancres gardé au-dehors. La signature (Ed25519)
couvre les quatre lignes : nom du journal, nombre d'enregistrements, racine en base64, date.

# --- commande : signature
head -n 4 journal/point-de-controle.txt | cmp - journal/point-de-controle.signe
sed -n 's/^— .* //p' journal/point-de-controle.txt | openssl base64 -d -A | tail -c 64 \
  | cmp - journal/point-de-controle.signature
openssl pkeyutl -verify -pubin -inkey journal/cle-de-verification.pem -rawin \
  -in journal/point-de-controle.signe -sigfile journal/point-de-controle.signature
# --- fin

3. Chaque enregistrement du dossier est dans ce journal

Un enregistrement est un fichier journal/000….json ; sa preuve, le fichier .preuve du même nom. On part de l'empreinte
de l'octet 0 suivi du fichier, on la joint à chaque empreinte de la preuve, du côté dit, précédées de l'octet 1
(RFC 6962) : la dernière est la racine signée. Les empreintes de la preuve ne disent rien des autres dossiers.

# --- commande : preuves
racine=$(sed -n 3p journal/point-de-controle.signe | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
for preuve in journal/*.preuve; do
  h=$( { printf '\0'; cat "${preuve%.preuve}.json"; } | sha256sum | cut -c 1-64)
  while read -r cote empreinte; do
    case $cote in
      gauche) paire=$empreinte$h ;;
      droite) paire=$h$empreinte ;;
      *) continue ;;
    esac
    h=$(printf "\\x01$(printf %s "$paire" | sed 's/../\\x&/g')" | sha256sum | cut -c 1-64)
  done < "$preuve"
  test "$h" = "$racine" || { echo "$preuve : FAUX"; exit 1; }
done
# --- fin

4. Le journal atteste toutes les pièces

L'enregistrement de l'export (événement dossier.exported, le dernier) contient l'empreinte de PIECES.sha256. Il n'y est
pas si l'export vient d'une démonstration : dossier.json dit alors « "recorded": false ».

# --- commande : export
grep -l "\"pieces\":\"$(sha256sum < PIECES.sha256 | cut -c 1-64)\"" journal/*.json
# --- fin

5. Les horodatages (RFC 3161)

Ils sont dans journal/horodatage-….tsr, s'il y en a ; autorite.pem est le certificat de l'autorité, obtenu d'elle.

# --- commande : horodatage
for jeton in journal/horodatage-*.tsr; do
  openssl ts -verify -data journal/point-de-controle.txt -in "$jeton" -CAfile autorite.pem
done
# --- fin

6. Les accusés de réception sont signés par le partenaire

Chaque accusé signé est là tel qu'il est arrivé ou parti (.eml), puis en deux morceaux : ce qui est signé (.signe), et
la signature (.asc en OpenPGP, .p7s en S/MIME). dossier.json dit qui a enregistré chaque clé, et quand (« keys »).

# --- commande : openpgp
export GNUPGHOME=$(mktemp -d)
gpg --quiet --batch --import cles/*.asc
for signature in $(find courriers contenu -name '*.asc' 2>/dev/null); do
  gpg --quiet --batch --trust-model always --verify "$signature" "${signature%.asc}.signe"
done
# --- fin

En S/MIME, le certificat se reconnaît à son empreinte, qu'une personne a comparée ; sa chaîne n'est donc pas exigée ici.

# --- commande : smime
cat cles/*.pem > certificats-du-dossier.pem
for signature in $(find courriers contenu -name '*.p7s' 2>/dev/null); do
  openssl cms -verify -binary -inform DER -in "$signature" -content "${signature%.p7s}.signe" \
    -nointern -certfile certificats-du-dossier.pem -noverify -out /dev/null
done
# --- fin

7. L'accusé porte sur cette demande

L'empreinte d'une demande (SHA-256 de ce que son auteur a signé) figure dans l'accusé, en base64, au champ
Received-Content-MIC ; dossier.json la donne (« requests », « hash »). Avec --with-content, c'est le SHA-256 du fichier
contenu/message-….entite.

8. Les certificats d'acceptation réputée acquise

S'il y en a, certificats/….pdf se lit, en français et en anglais ; certificats/….json dit les mêmes faits, et la clé du
journal les a signés. Le PDF contient ces mêmes fichiers.

# --- commande : certificats
for faits in $(find certificats -name '*.json' 2>/dev/null); do
  openssl pkeyutl -verify -pubin -inkey journal/cle-de-verification.pem -rawin \
    -in "$faits" -sigfile "${faits%.json}.signature"
done
# --- fin

LES AUTRES FICHIERS

RESUME.txt              ce qui s'est passé, à lire en premier
dossier.json            demandes, preuves, confirmations, messages, clés, sans identité du patient
certificats/            chaque acceptation réputée acquise, certifiée
politique.json          seuils, conventions, marge en vigueur
calendrier/             jours fériés connus, et chaque délai expliqué jour par jour
releves.json            relevés de la boîte pendant les délais : la preuve du silence
courriers/              courriers scellés et accusés, tels qu'envoyés et reçus, octet pour octet
"""
"""``LISEZMOI.txt``; a test runs its commands."""
