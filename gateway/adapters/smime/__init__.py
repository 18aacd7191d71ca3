"""S/MIME (RFC 8551) through ``cryptography`` and ``openssl cms``: certificates, sealing our mail, opening mail."""
