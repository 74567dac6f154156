"""Whom a certificate names: its common name is what a broker's access list knows its holder by.

A booth is its name, everybody else a role, a point and a name: `hub.main`, `technician.binh`,
`console.hn-001` or `console.hn-001.page`. No booth has a point in its name: nobody else's can be a booth's.
"""

import ipaddress
import re

from edge.errors import BadSettings
from edge.messages import Role

SERVER = "server"  # a broker: proves itself to clients, and can be none
STATION = "station"  # the bridge of a station's broker to a cluster
NODE = "node"  # of a cluster: proves itself to clients, and is one to the other nodes
AT_HOSTS = (SERVER, NODE)  # whose certificates say where they are
ROLES = (*Role, SERVER, STATION, NODE)
NAME = r"[a-z0-9][a-z0-9-]{0,30}"
FORMS: dict[str, tuple[str, str]] = {
    Role.BOOTH: (NAME, "a booth's name: 1 to 31 small letters, digits or hyphens"),
    Role.CONSOLE: (
        rf"{NAME}(\.[a-z0-9-]{{1,16}})?",
        "the booth's name, and for a second one a point and a word: hn-001.page",
    ),
}
OTHERS = (NAME, "1 to 31 small letters, digits or hyphens")
HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def identity_of(role: str, name: str) -> str:
    """Return the common name of a role's certificate; BadSettings says what a name may be."""
    if role not in ROLES:
        raise BadSettings(f"there is no role '{role}'; the roles are {', '.join(ROLES)}")
    pattern, wanted = FORMS.get(role, OTHERS)
    if not re.fullmatch(pattern, name):
        raise BadSettings(f"'{name}' is no name for a {role}: it must be {wanted}")
    return name if role == Role.BOOTH else f"{role}.{name}"


def role_of(identity: str) -> str:
    """Return the role that a common name tells; BadSettings when it is nobody's."""
    role, point, name = identity.partition(".")
    if not point:
        role, name = Role.BOOTH, identity
    try:
        if identity_of(role, name) == identity:
            return role
    except BadSettings:
        pass
    raise BadSettings(
        f"'{identity}' is nobody's name: a booth is its name (hn-001), others are role.name (technician.binh)"
    )


def booth_of_console(identity: str) -> str:
    """Return the booth that a console belongs to."""
    return identity.split(".")[1]


def host_of(text: str) -> str | ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read the name or address that clients reach a broker by; BadSettings when it is neither."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    if not HOST.fullmatch(text) or re.fullmatch(r"[0-9.]+", text):
        raise BadSettings(f"'{text}' is neither a host's name (small letters) nor an IP address")
    return text
