"""A small certificate authority: no file, no clock. Everything is P-256 with SHA-256.

mosquitto 2.0 with OpenSSL 3 takes Ed25519 as well, but most TPM 2.0 chips, where keys are to move, do not,
nor do MQTT tools built on Chromium. A certificate says who (common name: the identity access lists know), as
what (organisational unit: the role) and for which end of a connection (extended key usage): a booth's key
cannot play the broker, a broker's key cannot log in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.errors import BadSettings
from edge.pki.names import NODE, SERVER, role_of

BACKDATED = timedelta(days=1)  # a box whose clock lags takes a new certificate, too
AUTHORITY_DAYS, CERTIFICATE_DAYS = 3650, 365  # unless told otherwise
RENEW_DAYS = 30  # before its end a certificate is to be renewed
PURPOSES = {  # of whoever is not a client alone
    SERVER: [ExtendedKeyUsageOID.SERVER_AUTH],
    NODE: [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
}


@dataclass(frozen=True, slots=True)
class Authority:
    """What certificates are signed with."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def found(name: str, days: int, now: datetime) -> Authority:
    """Make an authority that signs certificates and revocation lists, and no other authority."""
    key = new_key()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority"),
        ]
    )
    builder = _begun(subject, subject, key.public_key(), now, now + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    builder = builder.add_extension(_issuer_of(key), critical=False)
    return Authority(key, builder.sign(key, SHA256()))


def certify(
    authority: Authority,
    identity: str,
    key: ec.EllipticCurvePublicKey,
    until: datetime,
    now: datetime,
    hosts: Sequence[str | IPv4Address | IPv6Address] = (),
) -> x509.Certificate:
    """Make one certificate, never longer than the authority itself; `hosts` are a server's names."""
    end = authority.certificate.not_valid_after_utc
    if end <= now:
        raise BadSettings(f"the authority ended on {end:%Y-%m-%d}: found a new one with 'vantay pki init'")
    role = role_of(identity)
    subject = x509.Name(
        [
            *authority.certificate.subject.rdns[0],
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role),
            x509.NameAttribute(NameOID.COMMON_NAME, identity),
        ]
    )
    builder = _begun(subject, authority.certificate.subject, key, now, min(until, end))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    builder = builder.add_extension(_issuer_of(authority.key), critical=False)
    purposes = PURPOSES.get(role, [ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
    if hosts:
        names = [x509.DNSName(host) if isinstance(host, str) else x509.IPAddress(host) for host in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(authority.key, SHA256())


def revocations(
    authority: Authority, number: int, revoked: Iterable[tuple[int, datetime]], now: datetime
) -> x509.CertificateRevocationList:
    """Make the list of serial numbers that are void since a time; it replaces every list of a lower number.

    It is valid as long as the authority: a list that lapsed would shut the broker to everybody, and whoever
    could put an older one in its place could change the broker's configuration, too.
    """
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=authority.certificate.subject,
        last_update=now - BACKDATED,
        next_update=authority.certificate.not_valid_after_utc,
    )
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    builder = builder.add_extension(_issuer_of(authority.key), critical=False)
    for serial, since in revoked:
        entry = x509.RevokedCertificateBuilder(serial, since).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, SHA256())


def common_name(certificate: x509.Certificate) -> str:
    """Return whom a certificate names; empty where it names nobody."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - BACKDATED,
        not_valid_after=until,
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _issuer_of(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
