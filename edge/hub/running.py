"""The hub from its start to its end."""

import signal
from importlib import metadata

from edge import log
from edge.folder_lock import only_one
from edge.hub.campaign import CampaignBook, read_lists
from edge.hub.campaign_journal import JournalCounter
from edge.hub.collector import Collector, Stop
from edge.hub.delivery import warner
from edge.hub.figures import serve
from edge.hub.reading import writable
from edge.hub.sums import keep_sums
from edge.messages import Role
from edge.settings import HubSettings
from edge.tls import check_role


def run_hub(settings: HubSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    check_role(settings.broker, Role.HUB)  # says what is wrong before anything starts
    with only_one(settings.data, "hub"):
        store = writable(settings.place)
        keep_sums(store)
        campaign = settings.campaign
        counter = None
        if campaign:
            warns = warner(settings)
            counter = JournalCounter(CampaignBook(store, campaign, read_lists(campaign), warns))
        logger = log.configure("hub", settings.log_file)
        collector = Collector(settings, store, logger, metadata.version("vantay"), counter)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: collector.mailbox.put(Stop()))
        server = serve(collector.figures, settings.metrics_port) if settings.metrics_port else None
        collector.run()
        if server:
            server.shutdown()
        store.close()
