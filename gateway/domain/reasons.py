"""Why something outside refused, in words: the reasons that errors carry."""

import errno


def system_reason(error: OSError) -> str:
    """Why the operating system refused, in French; its own words where we have none."""
    return _SYSTEM_REASONS.get(error.errno or 0) or error.strerror or type(error).__name__


_SYSTEM_REASONS = {
    errno.ENOENT: "Ce chemin n'existe pas.",
    errno.EACCES: "L'accès est refusé à ce compte.",
    errno.EPERM: "L'opération est interdite à ce compte.",
    errno.EEXIST: "Il existe déjà.",
    errno.EISDIR: "C'est un dossier.",
    errno.ENOTDIR: "Un élément du chemin n'est pas un dossier.",
    errno.ENOSPC: "Le disque est plein.",
    errno.EROFS: "Le disque est en lecture seule.",
    errno.EIO: "Le disque signale une erreur.",
}
