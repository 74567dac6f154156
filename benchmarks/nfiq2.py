"""NFIQ 2 of image files through nbis-py, kept in a folder outside the repository because each takes long."""

import hashlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

FAILED = 255  # the value of ISO/IEC 29794-1 for a quality that could not be computed


class Nfiq2:
    """NFIQ 2 with a cache of one small file an image; ImportError where nbis-py is not installed."""

    def __init__(self, cache: Path) -> None:
        import nbis

        self._nbis = nbis
        self._extractors: dict[float, Any] = {}
        self._cache = cache / f"nbis-py-{metadata.version('nbis-py')}"
        self._cache.mkdir(parents=True, exist_ok=True)

    def of(self, path: Path, ppi: float) -> int:
        """Return 0..100, or `FAILED`."""
        data = path.read_bytes()
        kept = self._cache / f"{hashlib.sha256(data).hexdigest()}-{ppi:g}"
        if kept.exists() and (text := kept.read_text("ascii")):
            return int(text)
        value = self._compute(data, ppi)
        kept.write_text(str(value), "ascii")
        return value

    def of_all(self, paths: list[Path], ppi: float, told: Callable[[int], None]) -> list[int]:
        """Return the values of some files; `told` hears of each."""
        values = []
        for path in paths:
            values.append(self.of(path, ppi))
            told(1)
        return values

    def _compute(self, data: bytes, ppi: float) -> int:
        if ppi not in self._extractors:
            settings = self._nbis.NbisExtractorSettings(
                min_quality=0.0, get_center=False, check_fingerprint=False, compute_nfiq2=True, ppi=ppi
            )
            self._extractors[ppi] = self._nbis.new_nbis_extractor(settings)
        try:
            found = self._extractors[ppi].extract_minutiae(data).quality()
        except self._nbis.NbisError:
            return FAILED
        return FAILED if found is None else int(found.score)
