"""The tuned peer: django-pyas2 on PostgreSQL, S/MIME signed and encrypted, synchronous signed MDN.

Runs in an environment of its own, where nothing of ours is installed. Tuned: gunicorn with two workers, database
connections that stay, no check of certificate chains, as many threads that send as there are messages in flight.
``AS2_PEER`` holds what it must know, as JSON; ``python as2_peer.py setup`` makes its tables and parties, ``send`` reads
lines ``SIZE COUNT IN_FLIGHT`` and answers each by one line of JSON; ``application`` is what gunicorn serves.
"""

import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

TOLD = json.loads(os.environ["AS2_PEER"])
"""``database`` (Django's dictionary), ``folder``, ``url``, ``key`` (with its certificate), ``certificate``."""


def _known_to_oscrypto() -> None:
    """Its search for OpenSSL's version knows no number of two digits."""
    search = re.search

    def wider(pattern: Any, text: Any, *flags: Any) -> Any:
        return search(r"\b(\d+\.\d+\.\d+[a-z]*)\b" if pattern == r"\b(\d\.\d\.\d[a-z]*)\b" else pattern, text, *flags)

    re.search = wider  # type: ignore[assignment]
    try:
        import_module("oscrypto.asymmetric")
    finally:
        re.search = search


def _configured() -> None:
    _known_to_oscrypto()
    import_module("django.conf").settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {**TOLD["database"], "ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None}},
        DATA_UPLOAD_MAX_MEMORY_SIZE=None,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "pyas2"],
        LOGGING_CONFIG=None,
        MEDIA_ROOT=TOLD["folder"],
        ROOT_URLCONF="pyas2.urls",
        SECRET_KEY="of a measure",
        USE_TZ=True,
    )
    import_module("django").setup()


_configured()
application: Any = import_module("django.core.wsgi").get_wsgi_application()


def setup() -> None:
    """One organisation that corresponds with itself under two names."""
    import_module("django.core.management").call_command("migrate", verbosity=0)
    models = import_module("pyas2.models")
    key = models.PrivateKey.objects.create(name="key", key=Path(TOLD["key"]).read_bytes(), key_pass="")
    certificate = models.PublicCertificate.objects.create(
        name="certificate", certificate=Path(TOLD["certificate"]).read_bytes(), verify_cert=False
    )
    for name in ("hospital", "cnse"):
        models.Organization.objects.create(name=name, as2_name=name, encryption_key=key, signature_key=key)
        models.Partner.objects.create(
            name=name,
            as2_name=name,
            target_url=TOLD["url"],
            content_type="application/octet-stream",
            encryption="aes_256_cbc",
            encryption_cert=certificate,
            signature="sha256",
            signature_cert=certificate,
            mdn=True,
            mdn_mode="SYNC",
            mdn_sign="sha256",
        )


def cycle(size: int) -> float:
    """Build, send, verify the receipt, as its own command does; milliseconds.

    Raises:
        RuntimeError: it was not acknowledged.
    """
    began = time.perf_counter()
    models, payload = import_module("pyas2.models"), os.urandom(size)
    sender = models.Organization.objects.get(as2_name="hospital")
    receiver = models.Partner.objects.get(as2_name="cnse")
    built = import_module("pyas2lib").Message(sender=sender.as2org, receiver=receiver.as2partner)
    name = f"{os.urandom(8).hex()}.pdf"
    told = {"subject": "Soins", "content_type": receiver.content_type, "disposition_notification_to": "a@hopital.test"}
    built.build(payload, filename=name, **told)
    row, _ = models.Message.objects.create_from_as2message(
        as2message=built, payload=payload, filename=name, direction="OUT", status="P"
    )
    row.send_message(built.headers, built.content)
    if row.status != "S":
        raise RuntimeError(row.detailed_status)
    return (time.perf_counter() - began) * 1000


def send() -> None:
    """Until the standard input ends."""
    for line in sys.stdin:
        size, count, in_flight = map(int, line.split())
        began = time.perf_counter()
        with ThreadPoolExecutor(in_flight) as pool:
            spent = list(pool.map(cycle, [size] * count))
        told = {"seconds": time.perf_counter() - began, "ms": spent}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    {"setup": setup, "send": send}[sys.argv[1]]()
