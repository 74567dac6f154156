"""Impressions as files: SSSS_PP_I.png and beside it SSSS_PP_I.fmr, its ground truth."""

import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fwtools.errors import ToolError
from fwtools.synthesis.finger import synthesise_finger
from fwtools.synthesis.impressions import SIZE, impression
from matching import iso19794

PPI = 500


@dataclass(frozen=True, slots=True)
class Order:
    """One finger to make: which, how many impressions of it, and where they go."""

    folder: Path
    seed: int
    subject: int
    position: int
    impressions: int
    size: tuple[int, int] = SIZE  # width, height
    clean: bool = False


def write_finger(order: Order) -> list[Path]:
    """Make a finger and its impressions; return the images, each with its ground truth beside it."""
    finger = synthesise_finger(order.seed, order.subject, order.position)
    paths = []
    for index in range(1, order.impressions + 1):
        pixels, truth = impression(finger, index, order.size, order.clean)
        path = order.folder / f"{order.subject:04}_{order.position:02}_{index}.png"
        path.write_bytes(png(pixels))
        path.with_suffix(".fmr").write_bytes(iso19794.write(truth))
        paths.append(path)
    return paths


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return (h, w) uint8 as a grey PNG of 500 ppi (pHYs 19685 pixels a metre)."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", dpi=(PPI, PPI))
    return data.getvalue()


def write_fingers(orders: list[Order], jobs: int) -> Iterator[list[Path]]:
    """Yield the images of each order, made by `jobs` processes; ToolError where one cannot be written."""
    try:
        if jobs == 1 or len(orders) < 2:
            yield from map(write_finger, orders)
            return
        warm(orders[0].size)
        # spawned, not forked: a fork would copy the threads' locks of the linear algebra library
        with ProcessPoolExecutor(min(jobs, len(orders)), get_context("spawn")) as pool:
            yield from pool.map(write_finger, orders)
    except OSError as error:
        raise ToolError(
            f"{error.filename or orders[0].folder} cannot be written: {error.strerror}"
        ) from error
    except BrokenProcessPool as error:
        raise ToolError(
            "a process that makes fingers was killed, perhaps for memory: use --jobs 1"
        ) from error


def warm(size: tuple[int, int] = SIZE) -> None:
    """Compile every kernel here, so that processes find it in the cache instead of each compiling it."""
    impression(synthesise_finger(0, 1, 1), 1, size)


def orders_of(people: range, order: Order) -> list[Order]:
    """Return an order for each of ten fingers of these subjects, otherwise like `order`."""
    return [
        replace(order, subject=subject, position=position) for subject in people for position in range(1, 11)
    ]
