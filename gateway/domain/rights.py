"""Who may do what: the posts of each party, and their rights. One table; services ask it inside their acts.

Medical content is not in it: it belongs to the physician of the case (gateway.domain.readers). Source: instruction
DSS/DACI/2019/224, lines 280 and 406; the other rows are the house's own rule.
"""

from collections.abc import Iterable
from enum import Enum

from gateway.domain.parties import Role
from gateway.domain.words import french


class Post(Enum):
    """What a person does in their party."""

    SECRETARIAT = "secretariat"
    PHYSICIAN = "physician"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    AGENT = "agent"
    ADVISER = "adviser"


POSTS = {
    Role.HOSPITAL: (Post.SECRETARIAT, Post.PHYSICIAN, Post.ADMINISTRATOR, Post.AUDITOR),
    Role.CNAS: (Post.AGENT, Post.ADVISER, Post.ADMINISTRATOR, Post.AUDITOR),
    Role.CNSE: (Post.PHYSICIAN, Post.SECRETARIAT, Post.ADMINISTRATOR, Post.AUDITOR),
}
"""The posts that a party of this role has."""

POST_WORDS = {
    Post.SECRETARIAT: french("secrétariat"),
    Post.PHYSICIAN: french("médecin"),
    Post.ADMINISTRATOR: french("administrateur"),
    Post.AUDITOR: french("auditeur"),
    Post.AGENT: french("agent de la CNAS"),
    Post.ADVISER: french("médecin conseil"),
}


MEDICAL_POSTS = frozenset({Post.PHYSICIAN, Post.ADVISER})
"""Who has one of these, and no other, may read medical content: that of their own cases."""


class Right(Enum):
    """What somebody may do."""

    IDENTITY = "identity"
    """See a patient's name."""
    SEND = "send"
    """Send requests and messages, note facts, close cases."""
    VALIDATE = "validate"
    """Validate the medical part of a request before it is sent."""
    MOTIVE = "motive"
    """State the medical motive of a refusal."""
    SORT = "sort"
    """Say what a mail is."""
    PROVE = "prove"
    """Enter proofs and rule on what is in doubt."""
    CONFIRM = "confirm"
    """Confirm, as the second person, what another entered."""
    CALENDAR = "calendar"
    """State what the Algerian calendar says."""
    KEYS = "keys"
    """Change partners' keys."""
    USERS = "users"
    """Say who may use the console."""
    ALARMS = "alarms"
    """Take an alarm."""
    QUARANTINE = "quarantine"
    """See the mails that were refused, by their envelope."""
    AUDIT = "audit"
    """Read the whole journal; without it, one's own acts and cases."""
    FORGET = "forget"
    """Forget a closed case, purge the security log."""


RIGHT_WORDS = {
    Right.IDENTITY: french("voir l'identité du patient"),
    Right.SEND: french("envoyer, noter et clore"),
    Right.VALIDATE: french("valider la partie médicale"),
    Right.MOTIVE: french("donner le motif médical d'un refus"),
    Right.SORT: french("trier le courrier"),
    Right.PROVE: french("saisir une preuve ou trancher un doute"),
    Right.CONFIRM: french("confirmer ce qu'une autre personne a saisi"),
    Right.CALENDAR: french("compléter le calendrier algérien"),
    Right.KEYS: french("changer les clés"),
    Right.USERS: french("gérer les comptes"),
    Right.ALARMS: french("prendre une alarme"),
    Right.QUARANTINE: french("voir les courriers refusés"),
    Right.AUDIT: french("lire tout le journal"),
    Right.FORGET: french("oublier un dossier"),
}

_CLERK = frozenset({Right.IDENTITY, Right.SEND, Right.SORT, Right.PROVE, Right.CONFIRM, Right.CALENDAR, Right.ALARMS})
_OPERATOR = frozenset(
    {
        *(Right.PROVE, Right.CONFIRM, Right.CALENDAR, Right.KEYS, Right.USERS),
        *(Right.ALARMS, Right.QUARANTINE, Right.FORGET),
    }
)
_AUDITOR = frozenset({Right.AUDIT})

RIGHTS: dict[Role, dict[Post, frozenset[Right]]] = {
    Role.HOSPITAL: {
        Post.SECRETARIAT: _CLERK,
        Post.PHYSICIAN: frozenset({Right.IDENTITY, Right.VALIDATE, Right.SORT, Right.CONFIRM, Right.ALARMS}),
        Post.ADMINISTRATOR: _OPERATOR,
        Post.AUDITOR: _AUDITOR,
    },
    Role.CNAS: {
        Post.AGENT: _CLERK,
        Post.ADVISER: _CLERK | {Right.MOTIVE, Right.VALIDATE},
        Post.ADMINISTRATOR: _OPERATOR,
        Post.AUDITOR: _AUDITOR,
    },
    Role.CNSE: {
        Post.PHYSICIAN: frozenset(
            {Right.IDENTITY, Right.SEND, Right.VALIDATE, Right.SORT, Right.CONFIRM, Right.ALARMS}
        ),
        Post.SECRETARIAT: frozenset({Right.IDENTITY, Right.SEND, Right.SORT, Right.CONFIRM, Right.ALARMS}),
        Post.ADMINISTRATOR: _OPERATOR,
        Post.AUDITOR: _AUDITOR,
    },
}


def rights_of(role: Role, posts: Iterable[Post]) -> frozenset[Right]:
    """Everything that these posts may do together in a party of this role."""
    table = RIGHTS.get(role, {})
    return frozenset(right for post in posts for right in table.get(post, frozenset()))
