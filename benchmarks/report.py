"""results.json as a page for people."""

import json
from importlib import resources
from typing import Any

from benchmarks.nbis_peer import EXTRACTED, ROUNDS

ACCURACY = """
## Accuracy

All genuine and all impostor pairs of each set (280 and 2,880), in per cent. "Mean" is over the sets; "pooled"
is all their pairs under one threshold, none across sets. NBIS is mindtct and bozorth3, minutiae only.

| set | engine | EER | FMR100 | FMR1000 | zeroFMR | failures |
| --- | --- | ---: | ---: | ---: | ---: | ---: |"""

SPEED = """
## Speed beside NBIS

{speed_set}, ours and theirs in turn, medians of {rounds} rounds of processor time; the ratio is theirs by
ours, with its lowest and highest round. "Extraction" of {extracted} images is minutiae only on both sides
(nbis-py with its quick settings). "Extraction and quality" is our quality beside all that nbis-py does in one
call (region of interest, fingerprint check, NFIQ 2). Its extraction includes decoding the image file, a few
per cent of its time. Comparisons are of prepared templates, whole ones on our side, all pairs of the set;
ours run in one compiled loop, or with a call from Python each, as nbis-py has it.

| what | unit | Vantay | NBIS | ratio | lowest | highest |
| --- | --- | ---: | ---: | ---: | ---: | ---: |"""


def report(results: dict[str, Any]) -> str:
    """Return RESULTS.md."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    head = (
        f"# Results\n\nWritten by `make bench` on {results['date']}, on one of {machine['cores']} cores of: "
        f"{machine['cpu']}. {versions}."
    )
    engines = results["accuracy"]
    speed = SPEED.format(speed_set=results["speed_set"], rounds=ROUNDS, extracted=EXTRACTED)
    return "\n".join([head, ACCURACY, *_accuracy(engines), speed, *_speed(results["speed"], engines), ""])


def _accuracy(engines: dict[str, Any]) -> list[str]:
    names = [figures["set"] for figures in next(iter(engines.values()))["sets"]]
    lines: list[str] = []
    for place, name in enumerate(names):
        lines += [_row(name, engine, figures["sets"][place]) for engine, figures in engines.items()]
    for name in ("mean", "pooled"):
        lines += [_row(name, engine, figures[name]) for engine, figures in engines.items()]
    lines += ["", "Pooled, with 90 % intervals from resampling fingers:", ""]
    for engine, figures in engines.items():
        pooled = figures["pooled"]
        spans = [
            f"{name.upper()} {100 * pooled[name]:.2f} ({100 * low:.2f} to {100 * high:.2f})"
            for name, (low, high) in pooled["intervals"].items()
        ]
        lines.append(f"- {engine}: {', '.join(spans)}")
    return [*lines, "", *_left_out()]


def _left_out() -> list[str]:
    """Say what our score gives on sets that its weights, fitted on all of the above, have not seen."""
    stored = json.loads((resources.files("matching") / "combination.json").read_text("utf-8"))
    lines = [
        "The weights of our score were fitted on these five sets.",
        "Means with each set left out of its own fit:",
        "",
    ]
    for kind, words in (("full", "full template"), ("minutiae_only", "minutiae only")):
        eer, fmr1000 = stored[kind]["each set left out of the fit, mean (EER, FMR1000) in %"]
        lines.append(f"- {words}: EER {eer:.2f}, FMR1000 {fmr1000:.2f}")
    return [*lines, "", "The constants of extraction and comparison were chosen on the same sets."]


def _row(name: str, engine: str, figures: dict[str, Any]) -> str:
    rates = " | ".join(f"{100 * figures[rate]:.2f}" for rate in ("eer", "fmr100", "fmr1000", "zerofmr"))
    return f"| {name} | {engine} | {rates} | {figures.get('failures', '')} |"


def _speed(rows: list[dict[str, Any]], engines: dict[str, Any]) -> list[str]:
    lines = []
    for row in rows:
        numbers = " | ".join(f"{row[name]:.1f}" for name in ("ours", "theirs", "ratio", "lowest", "highest"))
        lines.append(f"| {row['what']} | {row['unit']} | {numbers} |")
    lines += ["", "Over all sets, by the clock, median of extraction and mean of comparison:", ""]
    for engine, figures in engines.items():
        pooled = figures["pooled"]
        extraction, impostor, genuine = (
            f"{pooled[name]:.1f}" for name in ("extract_ms", "compare_us_impostor", "compare_us_genuine")
        )
        times = f"comparison {impostor} us (impostor), {genuine} us (genuine)"
        lines.append(f"- {engine}: extraction {extraction} ms, {times}")
    return lines
