"""A refusal is told once, shown as long as it goes on, and the hub's silence is told once, too."""

from edge.booth.refusals import LASTS, SILENT, Refusals

JOURNAL = "vantay/v1/booth/b-1/journal"
PACKET = "vantay-packet/v1/booth/b-1/abc/0"


def test_it_is_told_once_and_shown_as_long_as_it_goes_on() -> None:
    refusals = Refusals()
    assert refusals.trouble is None
    sentence = refusals.refused(JOURNAL, "Not authorized", 100.0)
    assert sentence == refusals.trouble
    assert "refuses this booth's journal (Not authorized)" in str(sentence)
    assert refusals.refused(JOURNAL, "Not authorized", 120.0) is None
    assert "packet" in str(refusals.refused(PACKET, "Not authorized", 130.0))
    assert refusals.refused(PACKET.replace("/0", "/1"), "Not authorized", 130.0) is None
    refusals.work(130.0 + LASTS)
    assert refusals.trouble
    refusals.work(131.0 + LASTS)
    assert refusals.trouble is None
    assert refusals.refused(JOURNAL, "Not authorized", 500.0), "after a good time it is news"


def test_the_hubs_silence_is_told_once_until_it_speaks() -> None:
    refusals = Refusals()
    assert refusals.silence(unheard=True, hub_online=False) is None
    assert refusals.silence(unheard=True, hub_online=True) == SILENT
    assert refusals.silence(unheard=True, hub_online=True) is None
    assert refusals.silence(unheard=False, hub_online=True) is None
    assert refusals.silence(unheard=True, hub_online=True) == SILENT
