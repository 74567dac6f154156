"""An authority's folder: its key, every certificate it ever issued, and the list of the revoked ones.

    ca.key   mode 0600      ca.crt      crl.pem      issued/SERIAL.crt

Files are written whole or not at all. Private keys of others are not kept here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.errors import BadSettings
from edge.files import make_folder, replace, write_new
from edge.pki.authority import Authority, certify, common_name, found, new_key, revocations
from edge.pki.names import AT_HOSTS, host_of, identity_of, role_of

KEY, CERTIFICATE, LIST, ISSUED = "ca.key", "ca.crt", "crl.pem", "issued"

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate of this authority."""

    certificate: x509.Certificate
    identity: str
    revoked_at: datetime | None

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self.certificate.not_valid_after_utc

    def stands(self, now: datetime) -> bool:
        """Whether a broker takes it."""
        return self.revoked_at is None and now < self.until


class PkiFolder:
    """The authority as it lies on disk; the caller sees to it that it is alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / CERTIFICATE).exists():
            raise BadSettings(f"{folder} is no authority: make one with 'vantay pki init {folder}'")
        certificate = _read(folder / CERTIFICATE, x509.load_pem_x509_certificate, "certificate")
        self.authority = Authority(_private_key(folder / KEY), certificate)

    @classmethod
    def make(cls, folder: Path, name: str, days: int, now: datetime) -> "PkiFolder":
        """Found an authority in a folder that has none; the certificate comes last and makes it one."""
        authority = found(name, days, now)
        make_folder(folder / ISSUED)
        write_new(folder / KEY, _pem(authority.key))
        replace(folder / LIST, _crl(revocations(authority, 1, [], now)))
        write_new(folder / CERTIFICATE, _crt(authority.certificate), 0o644)
        return cls(folder)

    def issued(self) -> list[Issued]:
        """Return every certificate, by identity, the newest last."""
        crl, known = self._list(), []
        for path in (self.folder / ISSUED).glob("*.crt"):
            certificate = _read(path, x509.load_pem_x509_certificate, "certificate")
            entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
            revoked = entry.revocation_date_utc if entry else None
            known.append(Issued(certificate, common_name(certificate), revoked))
        return sorted(known, key=lambda one: (one.identity, one.certificate.not_valid_before_utc, one.until))

    def issue(
        self, role: str, name: str, hosts: Sequence[str], days: int, out: Path, now: datetime
    ) -> Issued:
        """Make a key and its certificate in a folder; where a valid one stands, nothing is made."""
        identity = identity_of(role, name)
        if bool(hosts) != (role in AT_HOSTS):
            raise BadSettings(
                f"a {role}'s certificate names its hosts, as clients write them: add --san HOST"
                if role in AT_HOSTS
                else f"--san is for a server's or node's certificate, not for a {role}'s"
            )
        if standing := self._standing(identity, now):
            raise BadSettings(
                f"{identity} has a certificate until {standing.until:%Y-%m-%d}: renew it, or revoke it first"
            )
        names = [host_of(host) for host in hosts]
        key = new_key()
        certificate = certify(
            self.authority, identity, key.public_key(), now + timedelta(days=days), now, names
        )
        make_folder(out)
        self._place_authority(out)
        write_new(out / f"{identity}.key", _pem(key))
        return self._keep(certificate, identity, out)

    def renew(self, identity: str, days: int, out: Path, now: datetime) -> Issued:
        """Make another certificate for the key that an identity has: the key stays where it is."""
        role_of(identity)
        mine = [one for one in self.issued() if one.identity == identity]
        if not mine:
            raise BadSettings(f"{identity} was never issued a certificate here: use 'vantay pki issue'")
        if not (good := [one for one in mine if one.revoked_at is None]):
            raise BadSettings(f"{identity} was revoked and its key stays void: use 'vantay pki issue'")
        last = good[-1].certificate
        key = last.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        certificate = certify(self.authority, identity, key, now + timedelta(days=days), now, _hosts_of(last))
        make_folder(out)
        self._place_authority(out)
        return self._keep(certificate, identity, out)

    def revoke(self, identity: str, now: datetime) -> int:
        """Make every certificate of an identity void; return how many were not before."""
        role_of(identity)
        issued = self.issued()
        fresh = [one for one in issued if one.identity == identity and one.revoked_at is None]
        if not any(one.identity == identity for one in issued):
            raise BadSettings(f"{identity} was never issued a certificate here: nothing to revoke")
        if not fresh:
            raise BadSettings(f"{identity} is revoked already")
        entries = [(entry.serial_number, entry.revocation_date_utc) for entry in self._list()]
        entries += [(one.certificate.serial_number, now) for one in fresh]
        number = self._list().extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        replace(self.folder / LIST, _crl(revocations(self.authority, number + 1, entries, now)))
        return len(fresh)

    def _standing(self, identity: str, now: datetime) -> Issued | None:
        standing = [one for one in self.issued() if one.identity == identity and one.stands(now)]
        return standing[-1] if standing else None

    def _list(self) -> x509.CertificateRevocationList:
        return _read(self.folder / LIST, x509.load_pem_x509_crl, "revocation list")

    def _place_authority(self, out: Path) -> None:
        """Put the authority's certificate beside, where not another's lies there."""
        path, ours = out / CERTIFICATE, _crt(self.authority.certificate)
        if path.exists() and path.read_bytes() != ours:
            raise BadSettings(f"{path} is another authority's: name another folder")
        replace(path, ours)

    def _keep(self, certificate: x509.Certificate, identity: str, out: Path) -> Issued:
        text = _crt(certificate)
        write_new(self.folder / ISSUED / f"{certificate.serial_number:x}.crt", text, 0o644)
        replace(out / f"{identity}.crt", text)
        return Issued(certificate, identity, None)


def _read(path: Path, loader: Callable[[bytes], Read], what: str) -> Read:
    try:
        return loader(path.read_bytes())
    except OSError as error:
        raise BadSettings(f"{path} cannot be read ({error.strerror})") from None
    except ValueError:
        raise BadSettings(f"{path} is no {what}: restore it from a copy") from None


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.exists() and path.stat().st_mode & 0o077:
        raise BadSettings(f"the key {path} is open to other users: chmod 600 {path}")
    key = _read(path, lambda pem: serialization.load_pem_private_key(pem, None), "private key")
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadSettings(f"{path} is no private key of Vantay's: restore it from a copy")
    return key


def _hosts_of(certificate: x509.Certificate) -> list[str | IPv4Address | IPv6Address]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = names.get_values_for_type(x509.IPAddress)
    hosts = [address for address in addresses if isinstance(address, IPv4Address | IPv6Address)]
    return [*names.get_values_for_type(x509.DNSName), *hosts]


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _crt(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _crl(crl: x509.CertificateRevocationList) -> bytes:
    return crl.public_bytes(serialization.Encoding.PEM)
