"""What keeps a person or a program from coming in, or from being let in. Part of :mod:`gateway.domain.errors`."""

from collections.abc import Mapping

from gateway.domain.fault import Fault
from gateway.domain.refused import DeskError
from gateway.domain.words import Said, listed


class AccessInvalid(DeskError):
    """What was typed about an account or a program's access has faults; all of them at once."""

    what = "Rien n'est fait ; à corriger :"
    why = "{faults}"
    mend = "Corrigez et recommencez."

    def __init__(self, *, faults: object, by_field: Mapping[str, Said] | None = None) -> None:
        super().__init__(faults=faults)
        self.by_field = dict(by_field or {})

    @classmethod
    def of(cls, faults: Mapping[str, Said]) -> "AccessInvalid":
        """The faults by the name of their field."""
        return cls(faults=listed(faults.values()), by_field=faults)


class SignInRefused(DeskError):
    """Login, password or code: which of them is wrong is not told."""

    fault = Fault.OPERATOR
    what = "La connexion a échoué."
    why = "L'identifiant, le mot de passe ou le code à six chiffres n'est pas le bon, ou le code a déjà servi."
    mend = "Attendez le code suivant et recommencez ; un administrateur peut vous inviter de nouveau."


class ProviderRefused(DeskError):
    """The identity provider's word is not believed, or it knows a person whom nobody here is."""

    fault = Fault.WORLD
    what = "Le fournisseur d'identité n'a pas permis d'entrer."
    why = "{reason}"
    mend = "Recommencez ; si cela dure, voyez votre administrateur, et [web.oidc]."


class TooManyTries(DeskError):
    """Nobody may guess quickly."""

    what = "Trop d'essais."
    why = "{allowed} par minute au plus."
    mend = "Attendez {seconds} secondes, puis recommencez."


class InvitationOver(DeskError):
    """The invitation was used, replaced, or is too old."""

    what = "Cette invitation ne vaut plus."
    why = "Elle sert une fois, pendant 48 heures ; une invitation plus récente la remplace."
    mend = "Demandez-en une autre à votre administrateur."


class ProofOwed(DeskError):
    """What engages the house is done for who proved a short while ago who they are."""

    what = "Rien n'est encore fait : cet acte engage l'établissement, prouvez d'abord que c'est vous."
    mend = "Redonnez votre mot de passe, puis envoyez de nouveau cette page ; ce que vous avez tapé y est encore."
