"""What the services ask of the world: one Protocol for each outside thing, and the values that cross the border.

Instants are aware UTC. Adapters implement these; tests implement them by hand. The storage port is in
:mod:`gateway.storage`.
"""

from gateway.ports.alarms import Keyholder, OtherPath
from gateway.ports.hooks import Carrier, Target
from gateway.ports.identity import Departure, IdentityProvider, Known
from gateway.ports.keeping import DROP, Drop, DropFile, SpoolFile, Vault, WrappedKey
from gateway.ports.machine import Clock, Noise, Room, Space, TimeSource
from gateway.ports.mailbox import Folder, FolderState, Listed, Mailbox, MailboxFactory, PeerTls, Survey
from gateway.ports.presence import Factors, Passwords
from gateway.ports.printing import Enclosure, Printer
from gateway.ports.sealing import Opener, PublicKey, Sealer, Signature, SignatureFacts
from gateway.ports.submission import Courier, Envelope, HandOver, HandOverOutcome
from gateway.ports.witness import AnchorBook, LogSigner, Stamp, Stamper

__all__ = [
    "DROP",
    "AnchorBook",
    "Carrier",
    "Clock",
    "Courier",
    "Departure",
    "Drop",
    "DropFile",
    "Enclosure",
    "Envelope",
    "Factors",
    "Folder",
    "FolderState",
    "HandOver",
    "HandOverOutcome",
    "IdentityProvider",
    "Keyholder",
    "Known",
    "Listed",
    "LogSigner",
    "Mailbox",
    "MailboxFactory",
    "Noise",
    "Opener",
    "OtherPath",
    "Passwords",
    "PeerTls",
    "Printer",
    "PublicKey",
    "Room",
    "Sealer",
    "Signature",
    "SignatureFacts",
    "Space",
    "SpoolFile",
    "Stamp",
    "Stamper",
    "Survey",
    "Target",
    "TimeSource",
    "Vault",
    "WrappedKey",
]
