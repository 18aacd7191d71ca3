#!/bin/sh
# Makes a folder of throw-away keys with the layout of the real one: openpgp/, smime.key, smime.pem, passphrase, master.key,
# audit.key.
# Usage: keys.example/make-throwaway-keys.sh FOLDER [ADDRESS]. FOLDER must not exist; its keys live one day.
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

from gateway.adapters.clock import SystemClock
from gateway.adapters.log_key import generate_log_key
from gateway.adapters.master_key import generate_master_key
from gateway.adapters.openpgp.keyfiles import generate
from gateway.adapters.smime import identity

folder, address = Path(sys.argv[1]), sys.argv[2]
passphrase = secrets.token_urlsafe(32)
(folder / "passphrase").write_text(passphrase + "\n", encoding="ascii")
generate_master_key(folder / "master.key")
generate_log_key(folder / "audit.key")
print(generate(folder, "Passerelle jetable", address, passphrase, expires="1d"))
print(identity.generate(folder, "Passerelle jetable", address, passphrase, at=SystemClock().now(), days=1))
PYTHON
