"""What does not verify: the audit log, its checkpoints, an exported dossier. Part of :mod:`gateway.domain.errors`."""

from gateway.domain.fault import GatewayError


class AuditBroken(GatewayError):
    """The audit log does not verify."""

    exit_code = 7
    what = "Le journal d'audit est altéré à partir de l'enregistrement {index}."
    why = "{reason}"
    mend = "Conservez la base en l'état et prévenez l'auditeur."


class CheckpointInvalid(GatewayError):
    """A signed checkpoint, an anchor or a verifier key is not what it must be."""

    exit_code = 7
    what = "Un point de contrôle du journal ne se vérifie pas."
    why = "{reason}"
    mend = "Conservez le fichier et la base en l'état et prévenez l'auditeur."


class DossierBroken(GatewayError):
    """An exported dossier is not what was exported, or proves nothing."""

    exit_code = 7
    what = "Le dossier exporté ne se vérifie pas :"
    why = "{faults}"
    mend = "Conservez ce fichier en l'état et demandez-en un autre exemplaire."
