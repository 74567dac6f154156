"""The worst errors of an evaluation, for people who would rather look: a page of pairs and pictures."""

import io
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.image_sets import template_of
from edge.images import write_whole
from edge.measured import Evaluated, How
from matching.errors import BadImage, BadRecord
from matching.evaluation import Thresholds
from matching.image import GreyImage, read_image
from matching.show import side_by_side
from matching.template import Template

WORST = 20  # pairs of each kind that are drawn
STYLE = "body{font-family:sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:right}img{max-width:100%}"


class Pair(NamedTuple):
    """Two impressions and their score."""

    score: float
    probe: Path
    candidate: Path


class FingerErrors(NamedTuple):
    """What went wrong with one finger, at the threshold of FMR1000."""

    folder: Path
    finger: str
    missed: int  # genuine pairs below the threshold
    genuine: int
    false: int  # impostor pairs at or above it
    impostor: int


def write_pages(folder: Path, sets: list[Evaluated], how: How) -> Path:
    """Write index.html, all_errors.tsv and a picture of each of the worst pairs; return the first one's path.

    The threshold is that of FMR1000 over all sets. BadCommand where a file cannot be written.
    """
    thresholds = Thresholds(
        np.concatenate([one.scored.genuine for one in sets]),
        np.concatenate([one.scored.impostor for one in sets]),
    )
    limit = thresholds.at(1000)
    genuine, impostor = worst(sets, genuine=True), worst(sets, genuine=False)
    missed = [pair for pair in genuine if pair.score < limit]
    false = [pair for pair in impostor if pair.score >= limit]
    rows = [("genuine", pair) for pair in missed] + [("impostor", pair) for pair in false]
    lines = [f"{kind}\t{pair.score:.3f}\t{pair.probe}\t{pair.candidate}\n" for kind, pair in rows]
    write_whole(folder / "all_errors.tsv", ("kind\tscore\tprobe\tcandidate\n" + "".join(lines)).encode())
    parts = [
        f"<!doctype html><meta charset='utf-8'><title>Worst errors</title><style>{STYLE}</style>",
        "<h1>Worst errors</h1>",
        f"<p>At the threshold of FMR1000, a score of {limit:.3f} over all sets, {len(missed)} of "
        f"{len(genuine)} genuine pairs are missed and {len(false)} of {len(impostor)} impostor pairs match "
        "falsely (<a href='all_errors.tsv'>all of them</a>).</p>",
        "<h2>Fingers</h2>",
        _table(by_finger(sets, limit)),
    ]
    for kind, pairs in (("genuine", genuine[:WORST]), ("impostor", impostor[:WORST])):
        words = "Genuine pairs, lowest scores" if kind == "genuine" else "Impostor pairs, highest scores"
        parts.append(f"<h2>{words}</h2>")
        for number, pair in enumerate(pairs, 1):
            name = f"{kind}_{number:02}.png"
            write_whole(folder / name, _picture(pair, how))
            text = f"{pair.score:.3f}: {pair.probe} and {pair.candidate}"
            parts.append(f"<p>{escape(text)}<br><img src='{name}' alt='{escape(text)}'></p>")
    write_whole(folder / "index.html", "\n".join([*parts, ""]).encode())
    return folder / "index.html"


def worst(sets: list[Evaluated], genuine: bool) -> list[Pair]:
    """Return every genuine pair, the lowest score first, or every impostor pair, the highest first."""
    found = []
    for one in sets:
        scores = one.scored.genuine if genuine else one.scored.impostor
        pairs = one.scored.pairs.genuine if genuine else one.scored.pairs.impostor
        for score, (a, b) in zip(scores.tolist(), pairs.tolist(), strict=True):
            found.append(Pair(score, one.listed.paths[a], one.listed.paths[b]))
    sign = 1 if genuine else -1
    return sorted(found, key=lambda pair: (sign * pair.score, pair.probe, pair.candidate))


def by_finger(sets: list[Evaluated], limit: float) -> list[FingerErrors]:
    """Return what went wrong finger by finger, the worst first; fingers without errors are left out."""
    rows = []
    for one in sets:
        names = np.asarray(one.scored.fingers)
        for finger in sorted(set(one.scored.fingers)):
            counts = []
            for pairs, wrong in (
                (one.scored.pairs.genuine, one.scored.genuine < limit),
                (one.scored.pairs.impostor, one.scored.impostor >= limit),
            ):
                of_finger = (names[pairs] == finger).any(axis=1)
                counts += [int((wrong & of_finger).sum()), int(of_finger.sum())]
            if counts[0] or counts[2]:
                rows.append(FingerErrors(one.listed.folder, finger, *counts))
    return sorted(rows, key=lambda row: (-row.missed / max(row.genuine, 1), -row.false, str(row.folder)))


def _table(rows: list[FingerErrors]) -> str:
    head = "<tr><th>set<th>finger<th>genuine pairs missed<th>impostor pairs matched"
    body = [
        f"<tr><td>{escape(str(row.folder))}<td>{escape(row.finger)}<td>{row.missed} of {row.genuine}"
        f"<td>{row.false} of {row.impostor}"
        for row in rows
    ]
    return "\n".join(["<table>", head, *body, "</table>"])


def _picture(pair: Pair, how: How) -> bytes:
    shown: list[tuple[str, GreyImage | None, Template | None]] = []
    for path in (pair.probe, pair.candidate):
        try:
            image = read_image(path, how.dpi)
            shown.append((path.name, image, template_of(image, how.iso)))
        except (BadImage, BadRecord):  # told when the set was read; an empty panel
            shown.append((f"{path.name}: could not be read", None, None))
    content = io.BytesIO()
    side_by_side(shown).save(content, "PNG")
    return content.getvalue()
