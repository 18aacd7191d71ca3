"""The persons of a demonstration whose consoles are open: who they are, and the sections that make room for them."""

import getpass
import json
from dataclasses import dataclass
from gettext import gettext as _

from gateway.domain.rights import Post

PORTS = {"hospital": 8480, "cnas": 8481, "cnse": 8482}
"""Where each party's console listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the cast; ``login`` is also the account in [people]."""

    role: str
    login: str
    name: str
    posts: tuple[Post, ...]


CAST = (
    Person(role="hospital", login="morel", name="Claire Morel", posts=(Post.SECRETARIAT,)),
    Person(role="hospital", login="petit", name="Jean Petit", posts=(Post.SECRETARIAT,)),
    Person(role="hospital", login="vasseur", name="Dr Anne Vasseur", posts=(Post.PHYSICIAN,)),
    Person(role="hospital", login="lenoir", name="Marc Lenoir", posts=(Post.ADMINISTRATOR,)),
    Person(role="hospital", login="audit", name="Odile Blanc", posts=(Post.AUDITOR,)),
    Person(role="cnas", login="amrani", name="Amel Amrani", posts=(Post.AGENT,)),
    Person(role="cnas", login="ziane", name="Dr Lina Ziane", posts=(Post.ADVISER,)),
    Person(role="cnse", login="roy", name="Dr Paul Roy", posts=(Post.PHYSICIAN,)),
)

_PHYSICIANS = {
    "hospital": ("vasseur", "hospital.treating_physician"),
    "cnas": ("ziane", "cnas.medical_service"),
    "cnse": ("roy", "cnse.medical_unit"),
}


def of_role(role: str) -> tuple[Person, ...]:
    """The persons of a party."""
    return tuple(person for person in CAST if person.role == role)


def console_sections(role: str) -> str:
    """What a party's configuration says besides, so that it has a console, and persons who use it."""
    login, function = _PHYSICIANS[role]
    accounts = {getpass.getuser(): "demo", **{person.login: person.name for person in of_role(role)}}
    people = "\n".join(f'{json.dumps(login)} = "{name}"' for login, name in accounts.items())
    return f"""
# {_("La console, et les personnes qui s'en servent.")}
[people]
{people}

[readers.{login}]
functions = ["{function}"]
folder = "lecteurs/{login}"
people = ["{login}"]

[web]
port = {PORTS[role]}
"""
