"""OpenPGP through GnuPG (RFC 9580, RFC 3156): key files, ephemeral homes, sealing our mail, opening mail."""
