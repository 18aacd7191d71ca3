#!/bin/sh
# Makes a folder of throw-away keys with the layout of the real one: openpgp/, passphrase, master.key.
# Usage: keys.example/make-throwaway-keys.sh FOLDER [ADDRESS]. FOLDER must not exist; the OpenPGP key lives one day.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "Usage : $0 DOSSIER [ADRESSE]" >&2
    exit 2
fi
if [ -e "$1" ]; then
    echo "$1 existe déjà ; rien n'est remplacé." >&2
    exit 1
fi
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
if ! [ -x "$python" ]; then
    echo "Python est introuvable ($python) : lancez « make install »." >&2
    exit 1
fi

umask 077
mkdir -p "$1"
exec "$python" - "$1" "${2:-passerelle@jetable.test}" <<'PYTHON'
import secrets
import sys
from pathlib import Path

from gateway.adapters.master_key import generate_master_key
from gateway.adapters.openpgp.keyfiles import generate

folder, address = Path(sys.argv[1]), sys.argv[2]
passphrase = secrets.token_urlsafe(32)
(folder / "passphrase").write_text(passphrase + "\n", encoding="ascii")
generate_master_key(folder / "master.key")
print(generate(folder, "Passerelle jetable", address, passphrase, expires="1d"))
PYTHON
