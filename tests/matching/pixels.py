"""Skeletons as sets of pixels: what the twins of the skeleton kernels walk on."""

import numpy as np

RING = [-1j, 1 - 1j, 1, 1 + 1j, 1j, -1 + 1j, -1, -1 - 1j]  # clockwise from north, y down

Place = complex  # x + iy


def places(image: np.ndarray) -> set[Place]:
    return {complex(x, y) for y, x in np.argwhere(image)}


def image_of(pixels: set[Place], shape: tuple[int, int]) -> np.ndarray:
    image = np.zeros(shape, np.uint8)
    for pixel in pixels:
        image[int(pixel.imag), int(pixel.real)] = 1
    return image


def in_raster_order(pixels: set[Place]) -> list[Place]:
    return sorted(pixels, key=lambda pixel: (pixel.imag, pixel.real))


def blobs(seed: int, shape: tuple[int, int] = (64, 96)) -> np.ndarray:
    """Ridge-like blobs: noise of one period, positive."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None])
    band = np.exp(-(((frequency - 1 / 9) / 0.03) ** 2))
    image = np.real(np.fft.ifft2(np.fft.fft2(rng.normal(size=shape)) * band)) > 0
    image[[0, -1], :] = image[:, [0, -1]] = False
    return image


def runs(pixel: Place, pixels: set[Place]) -> list[list[Place]]:
    """Runs of neighbours that follow each other around a pixel, each a list of steps."""
    present = [pixel + step in pixels for step in RING]
    if all(present):
        return [list(RING)]
    found: list[list[Place]] = []
    start = present.index(False)
    for turn in range(8):
        k = (start + turn) % 8
        if present[k]:
            if not present[k - 1]:
                found.append([])
            found[-1].append(RING[k])
    return found


def best(steps: list[Place]) -> Place:
    """North, east, south or west before the corners."""
    return min(steps, key=lambda step: (abs(step) > 1, RING.index(step)))


def walk(pixel: Place, step: Place, pixels: set[Place], longest: int) -> tuple[list[Place], str]:
    path: list[Place] = []
    while True:
        pixel += step
        path.append(pixel)
        around = runs(pixel, pixels)
        if len(around) > 2:
            return path, "forked"
        onward = [other for run in around if -step not in run for other in run]
        if not onward:
            return path, "ended"
        if len(path) == longest:
            return path, "walked"
        step = best(onward)
