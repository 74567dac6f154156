"""`vantay pki init|issue|renew|revoke|list FOLDER …`: an authority for a station that has none."""

from argparse import ArgumentParser, Namespace
from datetime import datetime, timedelta
from pathlib import Path

from edge import clock
from edge.errors import BadCommand, BadSettings
from edge.folder_lock import only_one
from edge.pki.authority import AUTHORITY_DAYS, CERTIFICATE_DAYS, RENEW_DAYS
from edge.pki.folder import Issued, PkiFolder
from edge.pki.names import ROLES, identity_of

LONGEST_DAYS = 36_500


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    init = actions.add_parser("init", help="found an authority; keep its folder off every broker and booth")
    issue = actions.add_parser("issue", help="a key and its certificate")
    renew = actions.add_parser("renew", help="a new certificate for the same key, which stays where it is")
    revoke = actions.add_parser("revoke", help="every certificate of somebody is void")
    listed = actions.add_parser("list", help="who has certificates, and how long")
    for action in (init, issue, renew, revoke, listed):
        action.add_argument("folder", type=Path, help="the authority's")
    init.add_argument("--name", required=True, help="the station's, on every certificate")
    init.add_argument("--days", type=int, default=AUTHORITY_DAYS, help="validity (ten years)")
    issue.add_argument("role", metavar="ROLE", help=", ".join(ROLES))
    issue.add_argument(
        "name", metavar="NAME", help="of the booth, person or machine; a console has its booth's"
    )
    issue.add_argument(
        "--san", action="append", default=[], metavar="HOST", help="name or address of a server"
    )
    for action in (renew, revoke):
        action.add_argument(
            "who",
            nargs="+",
            metavar="ROLE NAME",
            help="as it was issued, technician binh, or as 'vantay pki list' has it, technician.binh",
        )
    for action in (issue, renew):
        action.add_argument(
            "--days", type=int, default=CERTIFICATE_DAYS, help=f"validity ({CERTIFICATE_DAYS})"
        )
        action.add_argument(
            "-o", "--output", type=Path, required=True, metavar="FOLDER", help="where it goes"
        )


def run(arguments: Namespace) -> int:
    """Do one of them."""
    now, folder = clock.moment().replace(microsecond=0), arguments.folder
    if not 1 <= getattr(arguments, "days", 1) <= LONGEST_DAYS:
        raise BadSettings(f"--days must be between 1 and {LONGEST_DAYS}")
    if arguments.action == "init":
        return _init(folder, arguments.name.strip(), arguments.days, now)
    pki = PkiFolder(folder)
    if arguments.action == "list":
        print("\n".join(_line(one, now) for one in pki.issued()) or "no certificate was issued yet")
        return 0
    with only_one(folder, "vantay pki"):
        if arguments.action == "revoke":
            identity = _identity(arguments.who)
            count = pki.revoke(identity, now)
            print(
                f"{identity}: {count} revoked; run 'vantay broker-config' again for every broker,"
                " carry crl.pem and acl there and restart mosquitto (a reload leaves open connections open)"
            )
            return 0
        if arguments.action == "issue":
            out, role = arguments.output, arguments.role
            issued = pki.issue(role, arguments.name, arguments.san, arguments.days, out, now)
            made = f"{issued.identity}.key, {issued.identity}.crt and ca.crt"
        else:
            issued = pki.renew(_identity(arguments.who), arguments.days, arguments.output, now)
            made = f"{issued.identity}.crt, for the key that is in use"
    due = issued.until - timedelta(days=RENEW_DAYS)
    print(f"{arguments.output}: {made}; valid until {issued.until:%Y-%m-%d}, renew it from {due:%Y-%m-%d} on")
    return 0


def _init(folder: Path, name: str, days: int, now: datetime) -> int:
    if not 1 <= len(name) <= 50 or not name.isprintable():
        raise BadSettings("--name must be 1 to 50 characters of one line")
    pki = PkiFolder.make(folder, name, days, now)
    end = pki.authority.certificate.not_valid_after_utc
    print(
        f"{folder}: an authority until {end:%Y-%m-%d}; whoever has ca.key can be every booth: keep it offline"
    )
    return 0


def _identity(who: list[str]) -> str:
    """Return whom one word or a role and a name mean."""
    if len(who) > 2:
        raise BadCommand(f"one at a time: '{who[0]} {who[1]}' and not more")
    return who[0] if len(who) == 1 else identity_of(*who)


def _line(one: Issued, now: datetime) -> str:
    if one.revoked_at:
        standing = f"revoked on {one.revoked_at:%Y-%m-%d}"
    elif now >= one.until:
        standing = f"ended on {one.until:%Y-%m-%d}"
    else:
        soon = ": renew it" if one.until - now < timedelta(days=RENEW_DAYS) else ""
        standing = f"until {one.until:%Y-%m-%d}{soon}"
    return f"{one.identity:32} {standing}"
