"""Signing with our key and encrypting to one partner (RFC 3156), through python-gnupg.

Its objects are safe here because the data and the keys are ours and were checked; its flags are still not believed
alone: the status lines it keeps must name our key, the digest and the cipher. gpg is asked for a key by
its full fingerprint only, and a sealed mail is never compressed, so that other programs can read it.
"""

import asyncio
import re
from typing import Any

from gateway.adapters.openpgp.home import Home
from gateway.adapters.openpgp.keyfiles import KeyFacts, KeyState
from gateway.domain.errors import KeyFileInvalid, KeyUnusable, OwnKeyUnusable
from gateway.domain.parties import Suite
from gateway.domain.words import Said, said
from gateway.ports import PublicKey, Signature

SIGN_SECONDS = 60.0
"""An agent that has not signed by then never will: the largest mail takes a second or two."""

_SHA512 = "10"  # RFC 9580 §9.5
_AES256 = "9"  # RFC 9580 §9.3
_MICALG = "pgp-sha512"  # RFC 3156 §5
_FULL_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")

_WHY_UNUSABLE = {
    KeyState.EXPIRED: said("Elle a expiré."),
    KeyState.REVOKED: said("Elle est révoquée."),
    KeyState.INVALID: said("GnuPG la tient pour invalide."),
}


class OpenPgpSealer:
    """Implements ``gateway.ports.Sealer`` over an open home. gpg runs in a thread, some 10 ms a call."""

    def __init__(self, home: Home, *, fingerprint: str, passphrase: str) -> None:
        self._home = home
        self._fingerprint = fingerprint
        self._passphrase = passphrase

    async def sign(self, entity: bytes, suite: Suite = Suite.OPENPGP) -> Signature:
        """Detached, armoured, binary SHA-512 signature over exactly these bytes.

        Raises:
            OwnKeyUnusable: the signature was not made in time, or not by our key.
        """
        signing = asyncio.ensure_future(asyncio.to_thread(self._sign, entity, suite))
        try:
            async with asyncio.timeout(SIGN_SECONDS):
                return await asyncio.shield(signing)
        except TimeoutError:
            # A thread cannot be cancelled; without its agent, gpg gives up.
            self._home.kill_agent()
            return await signing

    async def encrypt(self, entity: bytes, key: PublicKey, *, partner: str) -> bytes:
        """Armoured message for exactly this key: AES-256 with integrity, no compression.

        Raises:
            KeyUnusable: expired, revoked, without encryption capability, or not the pinned key.
        """
        return await asyncio.to_thread(self._encrypt, entity, key, partner)

    async def check(self, key: PublicKey, *, partner: str) -> None:
        """Refuse a key that could not encrypt now.

        Raises:
            KeyUnusable: expired, revoked, without encryption capability, or not the pinned key.
        """
        await asyncio.to_thread(self._check, key, partner)

    def _sign(self, entity: bytes, suite: Suite) -> Signature:
        if suite is not Suite.OPENPGP:
            raise OwnKeyUnusable(reason=said("Cette clé ne signe qu'en OpenPGP."))
        own = self._home.own
        if own.fingerprint != self._fingerprint or own.signing is None:
            raise OwnKeyUnusable(reason=said("Le trousseau ne contient pas la clé de signature attendue."))
        self._home.revive()
        # The exclamation mark forces this very key; without it gpg silently signs with another one of the ring.
        # Nor may gpg start an agent of its own: nobody would watch it.
        forced = ["--no-autostart", "--local-user", f"{own.signing}!", "--digest-algo", "SHA512"]
        try:
            result = self._home.gpg.sign(
                entity, detach=True, clearsign=False, passphrase=self._passphrase, extra_args=forced
            )
        except (OSError, ValueError) as error:
            raise OwnKeyUnusable(
                reason=said("GnuPG ne s'est pas lancé, ou la phrase secrète n'en est pas une.")
            ) from error
        created = _status_lines(result, "SIG_CREATED")
        if result.returncode != 0 or len(created) != 1:
            raise OwnKeyUnusable(reason=_why_no_signature(result))
        kind, _, digest, sigclass, _, maker = created[0]
        if (kind, digest, sigclass, maker) != ("D", _SHA512, "00", own.signing):
            raise OwnKeyUnusable(reason=said("GnuPG a signé autrement que demandé."))
        return Signature(suite=Suite.OPENPGP, data=bytes(result.data), micalg=_MICALG, fingerprint=own.fingerprint)

    def _encrypt(self, entity: bytes, key: PublicKey, partner: str) -> bytes:
        fault = self._admitted(key)
        if fault is not None:
            raise KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason=fault)
        options = ["--no-encrypt-to", "--compress-algo", "none", "--cipher-algo", "AES256", "--force-mdc"]
        try:
            result = self._home.gpg.encrypt(entity, [key.fingerprint], always_trust=True, extra_args=options)
        except OSError as error:
            # gpg stopped reading a long entity because it refuses the key.
            raise self._refused(key, partner) from error
        begun = _status_lines(result, "BEGIN_ENCRYPTION")
        done = result.returncode == 0 and len(_status_lines(result, "END_ENCRYPTION")) == 1
        if not done or len(begun) != 1 or _status_lines(result, "INV_RECP"):
            raise self._refused(key, partner)
        mdc, cipher, *aead = begun[0]
        if cipher != _AES256 or (mdc == "0" and aead in ([], ["0"])):
            raise KeyUnusable(
                partner=partner, fingerprint=key.fingerprint, reason=said("GnuPG a chiffré trop faiblement.")
            )
        return bytes(result.data)

    def _check(self, key: PublicKey, partner: str) -> None:
        reason = self._why_unusable(key)
        if reason is not None:
            raise KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason=reason)

    def _refused(self, key: PublicKey, partner: str) -> KeyUnusable:
        """Why gpg refused a key, which it judges each time that it encrypts, is asked only then."""
        reason = self._why_unusable(key) or said("GnuPG refuse de chiffrer avec elle.")
        return KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason=reason)

    def _admitted(self, key: PublicKey) -> Said | None:
        """Why this is not exactly the pinned key; None when it is, and in the home."""
        if not _FULL_FINGERPRINT.fullmatch(key.fingerprint):
            return said("Son empreinte n'est pas complète.")
        try:
            self._home.admit(key)
        except KeyFileInvalid as error:
            return said("{reason}", reason=error.fields["reason"])
        return None

    def _why_unusable(self, key: PublicKey) -> Said | None:
        fault = self._admitted(key)
        if fault is not None:
            return fault
        try:
            return _why_not_now(self._home.facts(key.fingerprint))
        except KeyFileInvalid as error:
            return said("{reason}", reason=error.fields["reason"])


def _why_not_now(facts: KeyFacts) -> Said | None:
    if facts.state in _WHY_UNUSABLE:
        return _WHY_UNUSABLE[facts.state]
    if facts.can_encrypt:
        return None
    if facts.encryption_ids:
        return said("Sa sous-clé de chiffrement est expirée ou révoquée.")
    return said("Elle ne permet pas de chiffrer.")


def _why_no_signature(result: Any) -> Said:
    """A sentence from keywords only; gpg's own text would name people."""
    if _status_lines(result, "KEYREVOKED"):
        return said("La clé est révoquée.")
    if _status_lines(result, "KEYEXPIRED"):
        return said("La clé a expiré.")
    return said("GnuPG n'a pas signé : clé absente, expirée ou révoquée, ou phrase secrète fausse.")


def _status_lines(result: Any, keyword: str) -> list[list[str]]:
    """Values of these status lines; python-gnupg keeps them in ``stderr`` with the human text."""
    prefix = f"[GNUPG:] {keyword}"
    lines = [line for line in str(result.stderr).split("\n") if line == prefix or line.startswith(f"{prefix} ")]
    return [line.split()[2:] for line in lines]
