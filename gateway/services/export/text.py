"""``LISEZMOI.txt`` of a dossier: how a doubter checks it all with common tools."""

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
(
export GNUPGHOME=$(mktemp -d)
trap 'gpgconf --kill all; rm -r "$GNUPGHOME"' EXIT
gpg --quiet --batch --import cles/*.asc
for signature in $(find courriers contenu -name '*.asc' 2>/dev/null); do
  gpg --quiet --batch --trust-model always --verify "$signature" "${signature%.asc}.signe"
done
)
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

RESUME.pdf              ce qui s'est passé, à lire en premier
dossier.json            demandes, preuves, confirmations, messages, clés, sans identité du patient
certificats/            chaque acceptation réputée acquise, certifiée
politique.json          seuils, conventions, marge en vigueur
calendrier/             jours fériés connus, et chaque délai expliqué jour par jour
releves.json            relevés de la boîte pendant les délais : la preuve du silence
courriers/              courriers scellés et accusés, tels qu'envoyés et reçus, octet pour octet
"""
"""A test runs its commands."""
