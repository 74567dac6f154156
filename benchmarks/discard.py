"""Error-versus-discard curves of Vantay quality beside NFIQ 2, for our comparison scores and NBIS's.

    python benchmarks/discard.py CACHE [--validate]

reads the five FVC sets under $VANTAY_DATA (default ../shared/data) and a synthetic set of mixed quality,
which is made in CACHE, a folder outside the repository that also keeps NFIQ 2 values and NBIS's scores.
`--validate` adds the UareU set, on which nothing was fitted. Writes benchmarks/DISCARD.md. The exit code is 1
when anything was left out, or when discarding 10 or 20 % by ours leaves more errors than by NFIQ 2.
"""

import argparse
import hashlib
import os
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.discarding import FORMS, SHARES, Compared, compared, curve, difference, without
from benchmarks.mixed import mixed_set
from benchmarks.nfiq2 import FAILED, Nfiq2
from edge.errors import BadCommand
from edge.image_sets import finger_of, list_images
from edge.progress import Progress
from matching.compare import prepare
from matching.errors import BadImage
from matching.evaluation import PairLists, pairs_of, scores_of
from matching.extract import run_stages, template_of
from matching.image import read_image
from matching.kernels.packed import pack
from matching.quality import judge

HERE = Path(__file__).parent
DATA = Path(os.environ.get("VANTAY_DATA", "../shared/data")) / "fingerprints"
FVC = {
    "fvc2000/DB1_B": 500.0,
    "fvc2002/DB1_B": 500.0,
    "fvc2002/DB3_B": 500.0,
    "fvc2004/DB1_B": 500.0,
    "fvc2004/DB3_B": 512.0,
}
VALIDATION = "neurotechnology/UareU"
MIXED = "synthetic, mixed quality"
SUBJECTS = 16  # of the synthetic set, five fingers each
ENGINES = ("ours", "NBIS")
JUDGED = (0.10, 0.20)
RESAMPLES = 400
COVERED = 0.9
Floats = NDArray[np.float64]
HEAD = """# Error versus discard

Written by `benchmarks/discard.py` on {date}. {versions}.

FNMR in %, at the threshold that 1 in 1000 of all impostor pairs reaches, over what is left when the worst
share is discarded (ISO/IEC 29794-1): impressions with all their pairs, or pairs by the lower of their two
qualities. "ours" and "NBIS" (bozorth3) are whose comparison scores they are; of each, the upper row is
discarded by Vantay quality and the lower one by NFIQ 2, on the same images. Differences are Vantay quality's
FNMR less NFIQ 2's, with a 90 % interval from resampling fingers. Images for which NFIQ 2 could not be
computed are left out of both rows: {failed}.

The weights of Vantay quality were fitted on all of these sets but {validation}; `benchmarks/fit_quality.py`
prints the same with each set left out of its fit.
"""


class Set(NamedTuple):
    """One set, or several put together."""

    name: str
    fingers: NDArray[np.int64]  # (n,) 0 ..
    pairs: PairLists
    parts: list[dict[str, float]]  # (n) of the quality
    ours: Floats  # (n,) Vantay quality
    nfiq2: Floats  # (n,)
    scores: dict[str, tuple[Floats, Floats]]  # of each engine, genuine and impostor

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) where NFIQ 2 could be computed."""
        known: NDArray[np.bool_] = self.nfiq2 != FAILED
        return known

    def compared(self, engine: str) -> tuple[Compared, Floats]:
        """Return the genuine pairs of an engine among known impressions, and which are known, 0 or 1."""
        every = compared(self.fingers, self.pairs, *self.scores[engine])
        return without(every, self.known), self.known.astype(np.float64)


def main() -> int:
    """Measure, print, write; say what was left out and where ours is worse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--validate", action="store_true")
    arguments = parser.parse_args()
    names = (*FVC, MIXED, VALIDATION) if arguments.validate else (*FVC, MIXED)
    sets, left_out = read_sets(arguments.cache, names)
    for line in left_out:
        print(f"discard: left out: {line}", file=sys.stderr)
    if left_out:
        print(f"discard: {len(left_out)} things left out, nothing written")
        return 1
    together = [one for one in sets if one.name in FVC]
    groups = [put_together("five FVC sets", together), *(one for one in sets if one.name not in FVC)]
    lines, worse = [], []
    for one in groups:
        rows, complaints = table(one)
        lines += rows
        worse += complaints
    lines += each_set(together)
    text = head(sets, arguments.validate) + "\n".join(lines) + "\n"
    (HERE / "DISCARD.md").write_text(text, "utf-8")
    print(text)
    for line in worse:
        print(f"discard: worse than NFIQ 2: {line}", file=sys.stderr)
    print(f"discard: {len(groups)} groups, nothing left out, worse than NFIQ 2 in {len(worse)} of their rows")
    return 1 if worse else 0


def read_sets(cache: Path, names: tuple[str, ...]) -> tuple[list[Set], list[str]]:
    """Return the sets that are there, and what had to be left out."""
    try:
        nfiq2 = Nfiq2(cache)
    except ImportError:
        return [], [
            "NFIQ 2 and NBIS: nbis-py is not installed (it has no build for this machine, or: make setup)"
        ]
    sets, left_out = [], []
    for name in names:
        folder = mixed_set(cache, SUBJECTS) if name == MIXED else DATA / name
        try:
            sets.append(read_one(name, folder, FVC.get(name, 500.0), nfiq2, cache))
        except (BadCommand, BadImage) as error:
            left_out.append(str(error))
    return sets, left_out


def read_one(name: str, folder: Path, ppi: float, nfiq2: Nfiq2, cache: Path) -> Set:
    """Extract, judge and compare one set by both engines."""
    paths = list_images(folder).paths
    bar = Progress(f"{name}: reading", 2 * len(paths))
    templates, parts, scores = [], [], []
    for path in paths:
        pixels, at = read_image(path, ppi)
        stages = run_stages(pixels, at)
        quality = judge(stages)
        templates.append(prepare(template_of(stages, pixels.shape, at)))
        parts.append(quality.parts)
        scores.append(float(quality.score))
        bar.advance(1)
    values = nfiq2.of_all(paths, ppi, bar.advance)
    bar.end()
    pairs, packed = pairs_of([finger_of(path) for path in paths]), pack(templates)
    genuine, impostor = (scores_of(packed, kind, lambda _: None)[:, 0] for kind in pairs)
    fingers = np.unique([finger_of(path) for path in paths], return_inverse=True)[1]
    both = {"ours": (genuine, impostor), "NBIS": bozorth3(paths, ppi, pairs, cache)}
    return Set(name, fingers, pairs, parts, np.array(scores), np.array(values, float), both)


def bozorth3(paths: list[Path], ppi: float, pairs: PairLists, cache: Path) -> tuple[Floats, Floats]:
    """Return NBIS's genuine and impostor scores, kept under the hash of all images."""
    from benchmarks.nbis_peer import Nbis

    files = [path.read_bytes() for path in paths]
    names = "".join(
        f"{path.name}{hashlib.sha256(data).hexdigest()}" for path, data in zip(paths, files, strict=True)
    )
    version = metadata.version("nbis-py")
    kept = cache / f"bozorth3-{version}-{ppi:g}-{hashlib.sha256(names.encode()).hexdigest()[:24]}.npz"
    if not kept.exists():
        extractor = Nbis().extractor(ppi, everything=False)
        found = [extractor.extract_minutiae(data) for data in files]
        genuine, impostor = (
            np.array([float(found[a].compare(found[b])) for a, b in kind.tolist()]) for kind in pairs
        )
        np.savez(kept, genuine=genuine, impostor=impostor)
    with np.load(kept) as stored:
        return stored["genuine"], stored["impostor"]


def put_together(name: str, sets: list[Set]) -> Set:
    """Pool sets under one threshold; no pair is made across them."""
    places = np.cumsum([0] + [len(one.ours) for one in sets])
    before = np.cumsum([0] + [int(one.fingers.max()) + 1 for one in sets])
    return Set(
        name,
        np.concatenate([one.fingers + start for one, start in zip(sets, before[:-1], strict=True)]),
        PairLists(
            *(
                np.concatenate(
                    [one.pairs[kind] + start for one, start in zip(sets, places[:-1], strict=True)]
                )
                for kind in (0, 1)
            )
        ),
        [row for one in sets for row in one.parts],
        np.concatenate([one.ours for one in sets]),
        np.concatenate([one.nfiq2 for one in sets]),
        {
            engine: (
                np.concatenate([one.scores[engine][0] for one in sets]),
                np.concatenate([one.scores[engine][1] for one in sets]),
            )
            for engine in ENGINES
        },
    )


def table(one: Set) -> tuple[list[str], list[str]]:
    """Return the lines of one group's table, and where ours is worse."""
    columns = " | ".join(f"{100 * share:.0f} %" for share in SHARES)
    lines = [
        f"\n## {one.name}\n",
        f"| scores | discarded | by | {columns} |",
        "|" + " --- |" * (3 + len(SHARES)),
    ]
    differences, worse = [""], []
    for engine in ENGINES:
        pairs, known = one.compared(engine)
        for form in FORMS:
            ours, theirs = (curve(pairs, by, form, known) for by in (one.ours, one.nfiq2))
            for by, rates in (("Vantay", ours), ("NFIQ 2", theirs)):
                shown = " | ".join(f"{100 * rate:.2f}" for rate in rates)
                lines.append(f"| {engine} | {form} | {by} | {shown} |")
            low, high = difference(pairs, one.ours, one.nfiq2, form, RESAMPLES, COVERED, known)
            for share in JUDGED:
                at = SHARES.index(share)
                said = f"{engine}, {form}, {100 * share:.0f} %: {100 * (ours[at] - theirs[at]):+.2f}"
                differences.append(f"- {said} ({100 * low[at]:+.2f} to {100 * high[at]:+.2f})")
                if ours[at] > theirs[at]:
                    worse.append(f"{one.name}, {said}")
    return lines + differences, worse


def each_set(sets: list[Set]) -> list[str]:
    """Return a table of the sets alone, each with its own threshold, not judged."""
    lines = [
        "\n## Each FVC set alone, impressions discarded\n",
        "FNMR with nothing, 10 and 20 % discarded by Vantay quality (by NFIQ 2); too few fingers to judge.\n",
        "| set | scores | 0 % | 10 % | 20 % |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in sets:
        for engine in ENGINES:
            pairs, known = one.compared(engine)
            ours, theirs = (100 * curve(pairs, by, "images", known) for by in (one.ours, one.nfiq2))
            cells = [f"{ours[at]:.2f} ({theirs[at]:.2f})" for at in map(SHARES.index, JUDGED)]
            lines.append(f"| {one.name} | {engine} | {ours[0]:.2f} | {' | '.join(cells)} |")
    return lines


def head(sets: list[Set], validated: bool) -> str:
    """Return what stands above the tables."""
    failed = [
        f"{one.name} {int((~one.known).sum())} of {len(one.ours)}" for one in sets if not one.known.all()
    ]
    return HEAD.format(
        date=datetime.now(UTC).date().isoformat(),
        versions=", ".join(f"{name} {metadata.version(name)}" for name in ("vantay", "numpy", "nbis-py")),
        failed="; ".join(failed) or "none",
        validation=VALIDATION if validated else f"{VALIDATION} (not looked at here)",
    )


if __name__ == "__main__":
    sys.exit(main())
