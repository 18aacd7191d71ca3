"""``LISEZMOI.txt`` of a dossier: how a doubter checks it all with common tools."""

README = r"""VÉRIFIER CE DOSSIER SANS NOUS CROIRE

Extrayez l'archive dans un dossier vide et ouvrez-y un terminal (bash). Il suffit de sha256sum, openssl (3 ou plus) et
gpg. « gateway dossier verify FICHIER.zip » fait tout cela d'un coup, et compare en plus chaque octet de l'archive ;
« --key » y ajoute la clé que vous tenez d'ailleurs. Collez chaque bloc, parenthèses comprises : il s'arrête à la
première erreur, et finit par OK si tout y est juste.

1. Aucun fichier n'a changé, aucun ne manque

# --- commande : empreintes
(
set -e
sha256sum --check --strict --quiet MANIFEST.sha256
sha256sum --check --strict --quiet PIECES.sha256
diff <(grep -v -e '  journal/' -e '  PIECES.sha256$' MANIFEST.sha256) PIECES.sha256
diff <(find . -type f ! -name '*.zip' ! -path ./autorite.pem ! -path ./MANIFEST.sha256 -printf '%P\n' | LC_ALL=C sort) \
  <(cut -c 67- MANIFEST.sha256 | LC_ALL=C sort)
echo OK
)
# --- fin

2. Le point de contrôle du journal est signé

La clé est dans journal/cle-de-verification.txt : comparez-la à celle que l'établissement vous a remise par une autre
voie (gateway audit key), et le point de contrôle à celui d'un fichier d'ancres gardé au-dehors. La signature (Ed25519)
couvre les quatre lignes : nom du journal, nombre d'enregistrements, racine en base64, date. Le premier contrôle dit
que la clé en PEM, celle d'openssl, est bien la clé que vous avez comparée.

Ce point de contrôle date de l'export. Ceux de journal/jalons/, s'il y en a, sont plus anciens : chacun fut le premier à
couvrir certains enregistrements, et partit alors au-dehors. Ce sont eux qui se retrouvent dans un fichier d'ancres ou
un courrier gardé depuis, et leur horodatage dit depuis quand l'enregistrement est là.

# --- commande : signature
(
set -e -o pipefail
openssl pkey -pubin -in journal/cle-de-verification.pem -outform DER | tail -c 32 \
  | cmp - <(cut -d + -f 3- journal/cle-de-verification.txt | openssl base64 -d -A | tail -c 32)
for d in journal $(find journal -mindepth 2 -type d | LC_ALL=C sort); do
  head -n 4 "$d/point-de-controle.txt" | cmp - "$d/point-de-controle.signe"
  sed -n 's/^— .* //p' "$d/point-de-controle.txt" | openssl base64 -d -A | tail -c 64 \
    | cmp - "$d/point-de-controle.signature"
  openssl pkeyutl -verify -pubin -inkey journal/cle-de-verification.pem -rawin \
    -in "$d/point-de-controle.signe" -sigfile "$d/point-de-controle.signature"
done
echo OK
)
# --- fin

3. Chaque enregistrement du dossier est dans ce journal

Un enregistrement est un fichier journal/000….json ; sa preuve, le fichier .preuve du même nom. On part de l'empreinte
de l'octet 0 suivi du fichier, on la joint à chaque empreinte de la preuve, du côté dit, précédées de l'octet 1
(RFC 6962) : la dernière est la racine signée. Les empreintes de la preuve ne disent rien des autres dossiers. Un
enregistrement plus récent que le point de contrôle n'a pas encore de preuve : il ne vaut que ce que vaut ce fichier.

# --- commande : preuves
(
set -e
taille=$(sed -n 2p journal/point-de-controle.signe)
for fait in journal/*.json; do
  numero=$(basename "$fait" .json)
  test -e "journal/$numero.preuve" && continue
  echo "$fait : sans preuve"
  test "$((10#$numero))" -ge "$taille"
done
for preuve in $(find journal -name '*.preuve' | LC_ALL=C sort); do
  fait=journal/$(basename "$preuve" .preuve).json
  signe=$(dirname "$preuve")/point-de-controle.signe
  racine=$(sed -n 3p "$signe" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
  h=$( { printf '\0'; cat "$fait"; } | sha256sum | cut -c 1-64)
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
echo OK
)
# --- fin

4. Le journal atteste toutes les pièces, et qu'aucun enregistrement n'a été retiré

L'enregistrement de l'export (événement dossier.exported, le dernier) contient l'empreinte de PIECES.sha256, et celle
des enregistrements du dossier qui le précèdent, tous ensemble. Il n'y est pas si l'export vient d'une démonstration :
dossier.json dit alors « "recorded": false ».

# --- commande : export
(
set -e
export=$(grep -l "\"pieces\":\"$(sha256sum < PIECES.sha256 | cut -c 1-64)\"" journal/*.json)
grep -q '"event":"dossier.exported"' "$export"
test -e "${export%.json}.preuve"
tous=$(for fait in journal/*.json; do
  test "$fait" = "$export" && break
  { printf '\0'; cat "$fait"; } | openssl dgst -sha256 -binary
done | sha256sum | cut -c 1-64)
grep -q "\"leaves\":\"$tous\"" "$export"
echo OK
)
# --- fin

5. Les horodatages (RFC 3161)

Ils sont dans journal/horodatage-….tsr, s'il y en a ; autorite.pem est le certificat de l'autorité, obtenu d'elle. Le
bloc montre l'instant que l'autorité a signé. Son certificat a pu expirer depuis : il ne doit valoir qu'à cet instant.

# --- commande : horodatage
(
set -e
for jeton in $(find journal -name '*.tsr' | sort); do
  instant=$(openssl ts -reply -in "$jeton" -text | sed -n 's/^Time stamp: //p')
  echo "$jeton : $instant"
  openssl ts -verify -data "$(dirname "$jeton")/point-de-controle.txt" -in "$jeton" -CAfile autorite.pem \
    -attime "$(date -d "$instant" +%s)"
done
echo OK
)
# --- fin

6. Les accusés de réception sont signés par le partenaire

Chaque accusé signé est là tel qu'il est arrivé ou parti (.eml), puis en deux morceaux : ce qui est signé (.signe), et
la signature (.asc en OpenPGP, .p7s en S/MIME). SIGNATURES.txt dit de qui chacune doit être, et par quelles clés ;
dossier.json, qui a enregistré chaque clé, et quand (« keys »). « nous » est l'établissement : sa clé d'alors a pu être
remplacée depuis, seule l'actuelle est jointe.

# --- commande : openpgp
(
set -e
export GNUPGHOME=$(mktemp -d)
trap 'gpgconf --kill all; rm -r "$GNUPGHOME"' EXIT
gpg --quiet --batch --import cles/*.asc
while read -r courrier qui suite cles; do
  test "$suite" = openpgp || continue
  dit=$(gpg --batch --status-fd 1 --verify "$courrier.asc" "$courrier.signe" 2>/dev/null < /dev/null || true)
  cle=$(sed -n 's/^\[GNUPG:\] VALIDSIG .* //p' <<< "$dit")
  case " $cles " in
    *" ${cle:-aucune} "*) echo "$courrier : signé par $qui, clé $cle" ;;
    *) echo "$courrier : pas signé d'une clé jointe de $qui"
       test "$qui" = nous
       grep -q '^\[GNUPG:\] NO_PUBKEY ' <<< "$dit" ;;
  esac
done < SIGNATURES.txt
echo OK
)
# --- fin

En S/MIME, le certificat se reconnaît à son empreinte, qu'une personne a comparée ; sa chaîne n'est donc pas exigée ici.

# --- commande : smime
(
set -e
while read -r courrier qui suite cles; do
  test "$suite" = smime || continue
  par= dit=
  for cle in $cles; do
    if dit=$(openssl cms -verify -binary -inform DER -in "$courrier.p7s" -content "$courrier.signe" \
      -nointern -certfile "cles/$cle.pem" -noverify -out /dev/null 2>&1 < /dev/null); then par=$cle; fi
  done
  if test -n "$par"; then
    echo "$courrier : signé par $qui, certificat $par"
  else
    echo "$courrier : pas signé d'un certificat joint de $qui"
    test "$qui" = nous
    grep -q 'signer certificate not found' <<< "$dit"
  fi
done < SIGNATURES.txt
echo OK
)
# --- fin

7. L'accusé porte sur cette demande

L'empreinte d'une demande (SHA-256 de ce que son auteur a signé) figure dans l'accusé, en base64, au champ
Received-Content-MIC ; dossier.json la donne (« requests », « hash »). Avec --with-content, c'est le SHA-256 du fichier
contenu/message-….entite.

8. Les certificats d'acceptation réputée acquise

S'il y en a, certificats/….pdf se lit, en français et en anglais ; certificats/….json dit les mêmes faits, et la clé du
journal les a signés. Le PDF contient ces mêmes fichiers. Un certificat qui vous fut remis à part (CERTIFICAT.pdf) se
reconnaît à son empreinte, inscrite au journal quand il fut fait :
grep -l "$(sha256sum < CERTIFICAT.pdf | cut -c 1-64)" journal/*.json

# --- commande : certificats
(
set -e
for faits in $(find certificats -name '*.json' 2>/dev/null); do
  openssl pkeyutl -verify -pubin -inkey journal/cle-de-verification.pem -rawin \
    -in "$faits" -sigfile "${faits%.json}.signature"
done
echo OK
)
# --- fin

LES AUTRES FICHIERS

RESUME.pdf              ce qui s'est passé, à lire en premier
dossier.json            demandes, preuves, confirmations, messages, clés, sans identité du patient
certificats/            chaque acceptation réputée acquise, certifiée
SIGNATURES.txt          de qui chaque signature doit être
politique.json          seuils, conventions, marge en vigueur
calendrier/             jours fériés connus, et chaque délai expliqué jour par jour
releves.json            relevés de la boîte pendant les délais : la preuve du silence
courriers/              courriers scellés et accusés, tels qu'envoyés et reçus, octet pour octet
"""
"""A test runs its commands."""
