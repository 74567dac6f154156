"""Plays the script of one virtual scanner, from when its first client comes."""

import asyncio
import logging

from fwtools.virtual.rig import Bench, Presentation

LOOK_SECONDS = 0.05  # between two looks whether the first client has come; the shortest round of a loop

log = logging.getLogger("virtual")


async def play(bench: Bench, loop: bool) -> None:
    """Put and lift the fingers of the scanner's script, and order its faults; in a loop it never ends."""
    while not bench.port.imports:
        await asyncio.sleep(LOOK_SECONDS)
    again = True
    while again and bench.script:
        for presentation in bench.script:
            await _present(bench, presentation)
        again = loop
        await asyncio.sleep(LOOK_SECONDS)
    log.info("%s: the script has ended", bench.port.busid)


async def _present(bench: Bench, one: Presentation) -> None:
    await asyncio.sleep(one.after)
    if one.fault is not None:
        log.info("%s: fault %s", bench.port.busid, one.fault.kind)
        bench.port.faults.add(one.fault)
    if one.path is not None:
        log.info("%s: finger %s", bench.port.busid, one.path.name)
        bench.platen.put(one.path, one.path.name, one.artefact)
        await asyncio.sleep(one.lies)
        bench.platen.lift()
