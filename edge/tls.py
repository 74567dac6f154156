"""Mutual TLS 1.3 with a broker: the context, and one sentence when one does not take the other."""

import re
import socket
import ssl
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from edge.errors import BadSettings
from edge.pki.authority import RENEW_DAYS, common_name
from edge.settings import Broker

PATIENCE = 3.0  # seconds for a broker to say why it does not take us
REFUSALS = {  # what a broker says in its alert (RFC 8446, 6.2), as OpenSSL calls it
    "CERTIFICATE_REVOKED": "was revoked: have a new one issued",
    "CERTIFICATE_EXPIRED": "has ended, or has not begun, for the broker: renew it, or set the broker's clock",
    "UNKNOWN_CA": "is of an authority that the broker does not know: use one of the station's authority",
    "UNSUPPORTED_CERTIFICATE": "is not one to log in with: have one issued for a booth, hub or person",
    "CERTIFICATE_REQUIRED": "was wanted by the broker and did not reach it",
    "BAD_CERTIFICATE": "was refused by the broker: have another one issued",
    "CERTIFICATE_UNKNOWN": "was refused by the broker: have another one issued",
}


class _Tidy(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def context_of(broker: Broker) -> ssl.SSLContext | None:
    """Return the context that the settings name, None without; BadSettings says what is wrong."""
    if broker.ca is None or broker.cert is None or broker.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
    context.sslsocket_class = _Tidy
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for path in (broker.ca, broker.cert, broker.key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise BadSettings(f"{path} cannot be read ({error.strerror}): [broker] names it") from None
    if broker.key.stat().st_mode & 0o077:
        raise BadSettings(f"the key {broker.key} is open to other users: chmod 600 {broker.key}")
    try:
        context.load_verify_locations(broker.ca)
    except (ssl.SSLError, OSError):
        raise BadSettings(f"{broker.ca} is no certificate of an authority") from None
    try:
        context.load_cert_chain(broker.cert, broker.key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            raise BadSettings(f"the key {broker.key} is not that of the certificate {broker.cert}") from None
        raise BadSettings(
            f"{broker.cert} and {broker.key} are no certificate and key (PEM, without a password)"
        ) from None
    return context


def certificate_of(path: Path) -> x509.Certificate:
    """Read a certificate; BadSettings when it is none."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise BadSettings(f"{path} cannot be read ({error.strerror})") from None
    except ValueError:
        raise BadSettings(f"{path} is no certificate (PEM)") from None


def check_booth(broker: Broker, booth: str) -> None:
    """Refuse settings whose certificate is not this booth's: the broker would refuse all it says."""
    if context_of(broker) is None or broker.cert is None:
        return
    if (name := common_name(certificate_of(broker.cert))) != booth:
        raise BadSettings(
            f"the certificate {broker.cert} is that of '{name}', this booth is '{booth}': have its own issued"
        )


def check_role(broker: Broker, role: str) -> None:
    """Refuse settings whose certificate is that of somebody in another role, for the same reason."""
    if context_of(broker) is None or broker.cert is None:
        return
    if not (name := common_name(certificate_of(broker.cert))).startswith(f"{role}."):
        raise BadSettings(
            f"the certificate {broker.cert} is that of '{name}', who is no {role}: the broker would refuse "
            f"what a {role} does; have a {role}'s issued ('vantay pki issue PKI {role} NAME')"
        )


def ends_soon(broker: Broker, now: datetime) -> str | None:
    """Return a sentence when our certificate is to be renewed."""
    if broker.cert is None:
        return None
    try:
        end = certificate_of(broker.cert).not_valid_after_utc
    except BadSettings as error:
        return str(error)
    if end - now > timedelta(days=RENEW_DAYS):
        return None
    return f"the certificate {broker.cert} ends on {end:%Y-%m-%d}: renew it before ('vantay pki renew')"


def refused_by_us(error: ssl.SSLError, broker: Broker) -> str:
    """Say why we did not take a broker."""
    where = f"the broker at {broker.host}:{broker.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        whose = f"the certificate of {where}"
        match error.verify_code:  # X509_V_ERR_… of OpenSSL
            case 9:
                return f"{whose} is not valid yet by this machine's clock: is the clock right?"
            case 10:
                return f"{whose} has ended by this machine's clock: renew it, or set the clock right"
            case 26:
                return f"{whose} is not a server's: somebody else may answer there"
            case 62 | 64:
                return f"{whose} is not for the name {broker.host}: use a name in it, or issue it with --san"
            case 18 | 19 | 20 | 21:
                return f"{whose} is not of the authority in {broker.ca}: somebody else may answer there"
        return f"{whose} was not accepted: {error.verify_message}"
    if (error.reason or "") in ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"):
        return f"{where} does not speak TLS 1.3"
    if (error.reason or "") in (
        "WRONG_VERSION_NUMBER",
        "UNEXPECTED_EOF_WHILE_READING",
        "RECORD_LAYER_FAILURE",
    ):
        return f"{where} does not speak TLS there: is the port right?"
    return f"{where} could not be spoken to: {error}"


def refused_by_broker(context: ssl.SSLContext, broker: Broker) -> str | None:
    """Ask a broker that hung up for its reason, which comes after the handshake; None if it takes us."""
    place = (broker.host, broker.port)
    try:
        with (
            socket.create_connection(place, PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=broker.host) as wrapped,
        ):
            wrapped.recv(1)  # nothing was said to it, so nothing but an alert can come
    except ssl.SSLError as error:
        said = re.sub(r"^(SSLV3|TLSV1|TLSV13)_ALERT_", "", error.reason or "")
        if said in REFUSALS and broker.cert:
            return f"the certificate {broker.cert} of '{_name(broker.cert)}' {REFUSALS[said]}"
    except OSError:
        pass
    return None


def _name(path: Path) -> str:
    try:
        return common_name(certificate_of(path))
    except BadSettings:
        return "nobody"


def _no_password() -> str:
    raise ValueError("a key with a password: nobody is there to type it")
