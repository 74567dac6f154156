"""A strict reader of Prometheus' text format 0.0.4, written from its description, not from our writer."""

import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
Labels = frozenset[tuple[str, str]]


@dataclass
class Read:
    """One family."""

    kind: str = ""
    help: str = ""
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, suffix: str = "", **labels: str) -> float:
        (found,) = [
            value
            for (name, has), value in self.samples.items()
            if name.endswith(suffix) and set(labels.items()) <= has
        ]
        return found


def read(page: bytes) -> dict[str, Read]:
    """Read a page; AssertionError for whatever the format does not allow."""
    assert page.endswith(b"\n")
    families: dict[str, Read] = {}
    now = ""
    for line in page.decode().removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            _, _, now, text = line.split(" ", 3)
            assert now not in families, f"{now} comes twice"
            families[now] = Read(help=text)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == now
            assert not families[now].kind
            assert not families[now].samples
            families[now].kind = kind
        else:
            _sample(line, now, families[now])
    for name, family in families.items():
        _conventions(name, family)
    return families


def _sample(line: str, now: str, family: Read) -> None:
    matched = SAMPLE.fullmatch(line)
    assert matched, line
    name, said, value = matched.groups()
    suffixes = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
    assert name in {now + suffix for suffix in suffixes}, line
    labels, place = [], 0
    while said and place < len(said):
        label = LABEL.match(said, place)
        assert label, line
        plain = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), label[2])
        labels.append((label[1], plain))
        place = label.end()
    key = (name, frozenset(labels))
    assert len(dict(labels)) == len(labels), line
    assert key not in family.samples, line
    family.samples[key] = float(value)


def _conventions(name: str, family: Read) -> None:
    assert family.kind in ("counter", "gauge", "histogram")
    assert family.samples
    assert family.help.endswith("."), name
    assert re.fullmatch(r"vantay_(booth|hub)_[a-z0-9_]+", name)
    assert (family.kind == "counter") == name.endswith("_total"), name
    assert not re.search(r"milli|minutes|_kb|_mb", name), "base units only"
    assert all(value >= 0 for value in family.samples.values()) or family.kind == "gauge"
    if family.kind == "histogram":
        _histogram(name, family)


def _histogram(name: str, family: Read) -> None:
    series: dict[Labels, list[tuple[float, float]]] = {}
    for (sample, labels), value in family.samples.items():
        if sample == f"{name}_bucket":
            rest = frozenset(pair for pair in labels if pair[0] != "le")
            series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    for labels, buckets in series.items():
        assert buckets == sorted(buckets)
        assert buckets[-1][0] == float("inf")
        counts = [count for _, count in buckets]
        assert counts == sorted(counts)
        assert counts[-1] == family.samples[f"{name}_count", labels]
        assert (f"{name}_sum", labels) in family.samples
