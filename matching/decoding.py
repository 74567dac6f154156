"""Decoders and their warnings: what is done about these is done for all threads, so one decodes at a time."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Literal

_ONE_AT_A_TIME = Lock()


@contextmanager
def decoding(warned: Literal["ignore", "error"]) -> Iterator[None]:
    """Decode in here, and nowhere else, with every warning ignored or raised; not to be nested."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter(warned)
        yield
