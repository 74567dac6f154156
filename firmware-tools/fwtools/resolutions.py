"""A resolution as an argument: "500", or "498.5,503" across and down."""

from argparse import ArgumentTypeError

LEAST, MOST = 250.0, 1000.0


def resolution(text: str) -> tuple[float, float]:
    """Return pixels per inch across and down; ArgumentTypeError for anything else."""
    try:
        numbers = [float(one) for one in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(LEAST <= one <= MOST for one in numbers):
        raise ArgumentTypeError(f"'{text}' is no resolution: X or X,Y, from {LEAST:g} to {MOST:g} ppi")
    return numbers[0], numbers[-1]
