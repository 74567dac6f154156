"""A closed enrolment becomes a sealed packet; what lay open for it in the vault goes with the same commit."""

import json
from collections.abc import Iterable

from edge.booth.account import account_of
from edge.booth.enrolment import (
    ENROLLED,
    SETTLED,
    UNSETTLED,
    Body,
    Enrolment,
    Entry,
    RolledAttempt,
    SlapAttempt,
    sealed,
)
from edge.keys import BoothKeys
from edge.messages import JournalEntry
from edge.packet import seal
from edge.vault import (
    CODE,
    EARLIER,
    ENROLLED_CODE,
    IDENTITY,
    RECORD,
    SAMPLE,
    STATED,
    TEMPLATE,
    Label,
    Vault,
    gallery_code,
    gallery_id,
)
from edge.vault import ENROLLED as GALLERY

OPEN_KINDS = (
    IDENTITY,
    STATED,
    EARLIER,
    SAMPLE,
    TEMPLATE,
    RECORD,
    CODE,
)  # what an enrolment keeps until it ends


def put_sample(vault: Vault, enrolment: Enrolment, position: int, sample: str, blobs: list[bytes]) -> None:
    """Keep one judged sample: `blobs`: ISO/IEC 19794-4, full template, 19794-2, search code."""
    for kind, data in zip((SAMPLE, TEMPLATE, RECORD, CODE), blobs, strict=True):
        vault.put(Label(f"{sample}.{kind}", kind, enrolment.id, enrolment.subject, position), data)


def put_slap(vault: Vault, enrolment: Enrolment, slap: int, sample: str, picture: bytes) -> None:
    """Keep the whole picture of a judged slap; its fingers are samples of their own."""
    vault.put(Label(f"{sample}.{SAMPLE}", SAMPLE, enrolment.id, enrolment.subject, slap), picture)


def accepted_templates(vault: Vault, enrolment: Enrolment) -> dict[int, bytes]:
    """Return the templates of the fingers accepted so far, by position."""
    return {p: vault.get(f"{a.sample}.{TEMPLATE}") for p, a in enrolment.accepted.items()}


def seal_enrolment(
    booth: str,
    at: str,
    enrolment: Enrolment,
    vault: Vault,
    keys: BoothKeys,
    entries: Iterable[JournalEntry] = (),
) -> list[Entry]:
    """Seal, keep the templates for the gallery, forget the rest; call it inside the journal's transaction.

    `entries`: the journal's, from before the enrolment's start.
    """
    (identity,) = [data for _, data in vault.all_of(IDENTITY, enrolment.id)]
    stated = [json.loads(data) for _, data in vault.all_of(STATED, enrolment.id)]
    blobs: dict[str, bytes] = {}
    samples = []
    for position, attempt in enrolment.accepted.items():
        blobs[f"{position}.fir"] = vault.get(f"{attempt.sample}.{SAMPLE}")
        blobs[f"{position}.fmr"] = vault.get(f"{attempt.sample}.{RECORD}")
        samples.append(
            {
                "position": position,
                "sample": attempt.sample,
                "quality": attempt.quality,
                "impression": "plain",
                "device": attempt.device,
                **({"attack": attempt.attack} if attempt.attack else {}),
            }
        )
    manifest = {
        "version": 2,
        "booth": booth,
        "sealed_at": at,
        "enrolment": enrolment.id,
        "subject": enrolment.subject,
        "identity_number": identity.decode(),
        "stated": stated[0] if stated else None,
        "outcome": enrolment.outcome,
        "duplicate_of": enrolment.duplicate_of,
        "samples": samples,
        "missing": {str(position): reason for position, reason in enrolment.missing.items()},
        "findings": list(enrolment.findings),
        "plan": enrolment.plan,
        "operator": enrolment.operator,
        "confirmed": enrolment.confirmed,
        "portrait": enrolment.reviewed and enrolment.reviewed["portrait"],
        "gave_up": enrolment.reviewed and enrolment.reviewed.get("gave_up"),
        "told_apart": sorted(enrolment.found.others),
        **account_of(enrolment.id, entries),
    }
    if enrolment.missing_why:
        manifest["missing_why"] = {str(position): why for position, why in enrolment.missing_why.items()}
    if enrolment.exception:
        manifest["exception"] = enrolment.exception
    if enrolment.earlier:
        manifest["renewal"] = enrolment.renewal
    if enrolment.station and enrolment.outcome == ENROLLED:
        manifest["station"] = UNSETTLED if enrolment.unsettled else SETTLED
    if enrolment.kept_slaps:
        manifest["slaps"] = [_slap(position, kept) for position, kept in enrolment.kept_slaps.items()]
        for position, kept in enrolment.kept_slaps.items():
            blobs[f"{position}.fir"] = vault.get(f"{kept.sample}.{SAMPLE}")
    if enrolment.rolled or enrolment.not_rolled:
        manifest["rolled"] = [_rolled(position, kept) for position, kept in enrolment.kept_rolled.items()]
        manifest["not_rolled"] = {str(position): reason for position, reason in enrolment.not_rolled.items()}
    for position, roll in enrolment.kept_rolled.items():
        blobs[f"{position}-rolled.fir"] = vault.get(f"{roll.sample}.{SAMPLE}")
        blobs[f"{position}-rolled.fmr"] = vault.get(f"{roll.sample}.{RECORD}")
    packet = seal(manifest, blobs, keys.signing, keys.ministry)
    digest = vault.put_packet(enrolment.id, packet)
    if enrolment.outcome == ENROLLED:
        for position, attempt in enrolment.accepted.items():
            whose = enrolment.id, enrolment.subject, position
            template, code = (vault.get(f"{attempt.sample}.{kind}") for kind in (TEMPLATE, CODE))
            finger = gallery_id(enrolment.id, position)
            vault.put(Label(finger, GALLERY, *whose), template)
            vault.put(Label(gallery_code(finger), ENROLLED_CODE, *whose), code)
    vault.purge(enrolment.id, *OPEN_KINDS)
    return sealed(enrolment, digest, len(packet))


def _rolled(position: int, kept: RolledAttempt) -> Body:
    """What the packet says of a rolled finger."""
    return {
        "position": position,
        "sample": kept.sample,
        "quality": kept.quality,
        "impression": "rolled",
        "issues": list(kept.issues),
        "control": kept.control,
        "device": kept.device,
        **({"attack": kept.attack} if kept.attack else {}),
    }


def _slap(position: int, kept: SlapAttempt) -> Body:
    """What the packet says of a slap: whose fingers are cut from which picture."""
    return {
        "position": position,
        "sample": kept.sample,
        "attempt": kept.number,
        "impression": "plain",
        "fingers": {str(finger): one.sample for finger, one in kept.fingers.items()},
        "device": kept.device,
        **({"attack": kept.attack} if kept.attack else {}),
    }
