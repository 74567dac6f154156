"""Programs that make the guest, and why there may be none."""

import subprocess


class NoGuest(Exception):
    """The guest cannot be made here; the text says why and what to do."""


def run(*command: str) -> str:
    """Run a program; NoGuest with its last words when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoGuest(
            f"{command[0]} is not installed: apt-get install it, or run tests/needs kernel"
        ) from error
    if done.returncode:
        raise NoGuest(
            f"{command[0]} failed: {' '.join(done.stderr.strip().splitlines()[-3:]) or 'it said nothing'}"
        )
    return done.stdout
