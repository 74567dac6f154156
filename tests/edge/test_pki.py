"""The authority: what it signs, what it refuses, and that no key is ever overwritten or left half written."""

import stat
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from edge.cli import main
from edge.errors import BadSettings
from edge.files import replace, write_new
from edge.pki.authority import certify, common_name, found, new_key, revocations
from edge.pki.folder import PkiFolder
from edge.pki.names import ROLES, host_of, identity_of, role_of
from tests.edge.parts import steady
from tests.edge.programs import needed

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def pki(tmp_path: Path) -> PkiFolder:
    return PkiFolder.make(tmp_path / "pki", "Station", 3650, NOW)


def test_what_a_booths_certificate_says(pki: PkiFolder, tmp_path: Path) -> None:
    pki.issue("booth", "hn-001", [], 365, tmp_path / "out", NOW)
    path = tmp_path / "out" / "hn-001.crt"
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=hn-001,OU=booth,O=Station"
    assert certificate.not_valid_after_utc == NOW + 365 * DAY
    assert certificate.not_valid_before_utc == NOW - DAY, "a box whose clock lags a little takes it"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    key = serialization.load_pem_private_key((tmp_path / "out" / "hn-001.key").read_bytes(), None)
    assert key.public_key() == certificate.public_key()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert modes == {"hn-001.key": 0o600, "hn-001.crt": 0o644, "ca.crt": 0o644}
    assert stat.S_IMODE((tmp_path / "pki" / "ca.key").stat().st_mode) == 0o600


def test_openssl_itself_takes_them_for_their_purpose_only(pki: PkiFolder, tmp_path: Path) -> None:
    openssl = needed("openssl", "openssl")
    out, now = tmp_path / "out", datetime.now(UTC).replace(microsecond=0)
    pki.issue("booth", "b-1", [], 365, out, now)
    pki.issue("server", "s", ["localhost", "10.0.0.1", "::1"], 365, out, now)
    crl = tmp_path / "pki" / "crl.pem"

    def verifies(name: str, purpose: str) -> bool:
        words = ["verify", "-x509_strict", "-CAfile", out / "ca.crt", "-CRLfile", crl, "-crl_check"]
        done = subprocess.run(
            [openssl, *words, "-purpose", purpose, out / f"{name}.crt"], capture_output=True, check=False
        )
        return done.returncode == 0

    assert verifies("b-1", "sslclient")
    assert not verifies("b-1", "sslserver")
    assert verifies("server.s", "sslserver")
    assert not verifies("server.s", "sslclient")
    pki.revoke("b-1", now)
    assert not verifies("b-1", "sslclient")
    assert verifies("server.s", "sslserver")


def test_a_servers_hosts_are_kept_when_it_is_renewed(pki: PkiFolder, tmp_path: Path) -> None:
    hosts = ["station.example", "10.0.0.1", "fe80::1"]
    first = pki.issue("server", "s", hosts, 30, tmp_path / "out", NOW).certificate
    second = pki.renew("server.s", 365, tmp_path / "out", NOW + DAY).certificate
    names = second.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == hosts[:1]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address(host) for host in hosts[1:]]
    assert second.public_key() == first.public_key()
    assert second.serial_number != first.serial_number


def test_renewing_leaves_the_key_alone_and_revoking_takes_every_certificate(
    pki: PkiFolder, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    pki.issue("booth", "b-1", [], 30, out, NOW)
    key = (out / "b-1.key").read_bytes()
    until = pki.renew("b-1", 365, out, NOW + 20 * DAY).until
    assert until == NOW + 385 * DAY
    assert (out / "b-1.key").read_bytes() == key
    assert pki.revoke("b-1", NOW + 21 * DAY) == 2
    assert {one.revoked_at for one in pki.issued()} == {NOW + 21 * DAY}
    with pytest.raises(BadSettings, match="b-1 is revoked already"):
        pki.revoke("b-1", NOW + 22 * DAY)
    with pytest.raises(BadSettings, match="b-1 was revoked and its key stays void"):
        pki.renew("b-1", 365, out, NOW + 22 * DAY)
    with pytest.raises(BadSettings, match=r"b-1\.key exists already and is never overwritten"):
        pki.issue("booth", "b-1", [], 365, out, NOW + 22 * DAY)
    pki.issue("booth", "b-1", [], 10, tmp_path / "new", NOW + 22 * DAY)
    pki.renew("b-1", 10, tmp_path / "new", NOW + 23 * DAY)
    assert [one.revoked_at is None for one in pki.issued()] == [False, False, True, True]


def test_every_list_keeps_what_was_revoked_and_counts_on(pki: PkiFolder, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        pki.issue("booth", f"b-{number}", [], 365, tmp_path / "out", NOW)
    for number in (1, 2):
        pki.revoke(f"b-{number}", NOW + number * DAY)
    crl = x509.load_pem_x509_crl((tmp_path / "pki" / "crl.pem").read_bytes())
    issued = {one.identity: one.certificate.serial_number for one in pki.issued()}
    assert {entry.serial_number for entry in crl} == {issued["b-1"], issued["b-2"]}
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 3
    assert crl.next_update_utc == pki.authority.certificate.not_valid_after_utc, "it never shuts the broker"


def test_nothing_outlives_the_authority() -> None:
    authority = found("Station", 100, NOW)
    key = new_key().public_key()
    long = certify(authority, "b-1", key, NOW + 365 * DAY, NOW)
    assert long.not_valid_after_utc == authority.certificate.not_valid_after_utc
    with pytest.raises(BadSettings, match="the authority ended on 2026-04-15: found a new one"):
        certify(authority, "b-1", key, NOW + 365 * DAY, NOW + 100 * DAY)
    assert revocations(authority, 1, [], NOW).is_signature_valid(authority.certificate.public_key())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "name", "identity"),
    [
        ("booth", "hn-001", "hn-001"),
        ("booth", "hub", "hub"),
        ("hub", "main", "hub.main"),
        ("console", "hn-001", "console.hn-001"),
        ("console", "hn-001.page", "console.hn-001.page"),
        ("technician", "binh", "technician.binh"),
        ("server", "station", "server.station"),
    ],
)
def test_identities(role: str, name: str, identity: str) -> None:
    assert identity_of(role, name) == identity
    assert role_of(identity) == role


@given(st.sampled_from(ROLES), st.from_regex(r"[a-z0-9.#+/%u -]{0,40}", fullmatch=True))
@steady(300)
def test_no_name_is_two_roles_or_a_wildcard(role: str, name: str) -> None:
    try:
        identity = identity_of(role, name)
    except BadSettings:
        return
    assert role_of(identity) == role
    assert not set(identity) & set("#+/% \n")
    assert len(identity) <= 64, "the longest common name there may be"
    assert ("." in identity) == (role != "booth")


@pytest.mark.parametrize("host", ["", "-a", "a..b", "A", "a b", "300.1.1.1", "x" * 64, "https://a", "a:1"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(BadSettings, match="neither a host's name"):
        host_of(host)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["pki", *words])
    said = capsys.readouterr()
    return code, said.err or said.out


def test_the_commands_from_the_beginning_to_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = str(tmp_path / "pki"), str(tmp_path / "out")
    assert run(capsys, "init", folder, "--name", "Station")[0] == 0
    assert run(capsys, "list", folder) == (0, "no certificate was issued yet\n")
    code, said = run(capsys, "issue", folder, "booth", "hn-001", "-o", out)
    end = datetime.now(UTC) + 365 * DAY
    assert code == 0
    assert f"valid until {end:%Y-%m-%d}, renew it from {end - 30 * DAY:%Y-%m-%d} on" in said
    assert run(capsys, "renew", folder, "hn-001", "--days", "20", "-o", out)[0] == 0
    assert ": renew it" in run(capsys, "list", folder)[1]
    code, said = run(capsys, "revoke", folder, "hn-001")
    assert (code, said.split(";")[0]) == (0, "hn-001: 2 revoked")
    assert run(capsys, "list", folder)[1].count("revoked on") == 2


@pytest.mark.parametrize(("role", "name"), [("booth", "hn-002"), ("technician", "binh")])
def test_whoever_was_issued_by_role_and_name_is_renewed_and_revoked_by_them(
    pki: PkiFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], role: str, name: str
) -> None:
    folder, out = str(tmp_path / "pki"), str(tmp_path / "out")
    for action in ("issue", "renew"):
        assert run(capsys, action, folder, role, name, "-o", out)[0] == 0
    code, said = run(capsys, "revoke", folder, role, name)
    assert (code, said.split(";")[0]) == (0, f"{identity_of(role, name)}: 2 revoked")


MISTAKES = {
    "again": (["init", "{pki}", "--name", "x"], "ca.key exists already and is never overwritten"),
    "no name": (["init", "{out}", "--name", " "], "--name must be 1 to 50 characters"),
    "no authority": (["list", "{out}"], "is no authority: make one with 'vantay pki init"),
    "no role": (
        ["issue", "{pki}", "boss", "an", "-o", "{out}"],
        "there is no role 'boss'; the roles are booth",
    ),
    "bad name": (["issue", "{pki}", "booth", "a/b", "-o", "{out}"], "'a/b' is no name for a booth"),
    "no host": (["issue", "{pki}", "server", "s", "-o", "{out}"], "names its hosts, as clients write them"),
    "a host": (["issue", "{pki}", "hub", "s", "--san", "h", "-o", "{out}"], "--san is for a server's"),
    "twice": (["issue", "{pki}", "booth", "b-1", "-o", "{out}"], "b-1 has a certificate until"),
    "days": (["issue", "{pki}", "booth", "b-2", "--days", "0", "-o", "{out}"], "--days must be between 1"),
    "a file": (
        ["issue", "{pki}", "booth", "b-2", "-o", "{pki}/ca.crt"],
        "ca.crt cannot be made (File exists)",
    ),
    "stranger": (["renew", "{pki}", "b-9", "-o", "{out}"], "b-9 was never issued a certificate here"),
    "unknown": (["revoke", "{pki}", "technician.an"], "technician.an was never issued"),
    "many": (["revoke", "{pki}", "booth", "b-1", "b-2"], "one at a time"),
    "no such role": (["renew", "{pki}", "boot", "b-1", "-o", "{out}"], "there is no role 'boot'"),
    "nobody": (["revoke", "{pki}", "a.b.c"], "'a.b.c' is nobody's name"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_one_sentence_and_makes_nothing(
    pki: PkiFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words, sentence = MISTAKES[name]
    pki.issue("booth", "b-1", [], 36_500, tmp_path / "first", datetime.now(UTC).replace(microsecond=0))
    before = {path: path.read_bytes() for path in (tmp_path / "pki").rglob("*.*")}
    places = {"pki": str(tmp_path / "pki"), "out": str(tmp_path / "out")}
    code, said = run(capsys, *(word.format(**places) for word in words))
    assert (code, said.count("\n")) == (2, 1)
    assert sentence in said
    assert {path: path.read_bytes() for path in (tmp_path / "pki").rglob("*.*")} == before
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["ca.key", "ca.crt", "crl.pem"])
def test_a_broken_authority_is_named(pki: PkiFolder, tmp_path: Path, name: str) -> None:
    (tmp_path / "pki" / name).write_text("x")
    with pytest.raises(BadSettings, match=f"{name} is no .*: restore it from a copy"):
        PkiFolder(tmp_path / "pki").issued()


def test_an_open_key_of_the_authority_is_refused(pki: PkiFolder, tmp_path: Path) -> None:
    (tmp_path / "pki" / "ca.key").chmod(0o644)
    with pytest.raises(BadSettings, match="is open to other users"):
        PkiFolder(tmp_path / "pki")


def test_certificates_of_two_authorities_do_not_mix(pki: PkiFolder, tmp_path: Path) -> None:
    other = PkiFolder.make(tmp_path / "other", "Other", 3650, NOW)
    pki.issue("booth", "b-1", [], 365, tmp_path / "out", NOW)
    with pytest.raises(BadSettings, match="is another authority's: name another folder"):
        other.issue("booth", "b-2", [], 365, tmp_path / "out", NOW)
    assert not (tmp_path / "out" / "b-2.key").exists()


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_new(path, b"first")
    with pytest.raises(BadSettings, match="exists already and is never overwritten"):
        write_new(path, b"second")
    assert path.read_bytes() == b"first"
    replace(path, b"third")
    assert path.read_bytes() == b"third"
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadSettings, match="cannot be written"):
        replace(tmp_path / "folder", b"x")
    assert {file.name for file in tmp_path.iterdir()} == {"key", "folder"}, "nothing half written stays"


def test_the_name_in_a_certificate(pki: PkiFolder, tmp_path: Path) -> None:
    assert common_name(pki.issue("hub", "main", [], 1, tmp_path, NOW).certificate) == "hub.main"
