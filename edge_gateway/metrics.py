"""What a Prometheus asks of a gateway: what waits, what was refused, what is there. Names are `buurtrit_gateway_…`.

Refusals carry where they came from and which field, never the value.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from edge_gateway.page_messages import Health, PageReject

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Collected when asked, from what the page is shown too. `resent` are batches that the hub was silent about."""

    def __init__(
        self, *, health: Callable[[], Health], rejects: Callable[[], Iterable[PageReject]], resent: Callable[[], int]
    ) -> None:
        self._health = health
        self._rejects = rejects
        self._resent = resent
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """The exposition of this moment."""
        return bytes(generate_latest(self._registry))

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        health = self._health()
        waiting = GaugeMetricFamily(
            "buurtrit_gateway_outbox_events", "Events on disk that the hub does not have yet", labels=["lane"]
        )
        waiting.add_metric(["business"], health.outbox.business)
        waiting.add_metric(["telemetry"], health.outbox.telemetry)
        yield waiting
        yield CounterMetricFamily(
            "buurtrit_gateway_dropped_telemetry", "Telemetry that a full outbox dropped", value=health.outbox.dropped
        )
        yield CounterMetricFamily(
            "buurtrit_gateway_thinned_telemetry",
            "Readings that live on only in the mean, lowest and highest of others",
            value=health.outbox.thinned,
        )
        rejects = CounterMetricFamily(
            "buurtrit_gateway_rejected", "What was refused, by where it came from and field", labels=["origin", "field"]
        )
        counts: Counter[tuple[str, str]] = Counter()
        for reject in self._rejects():
            counts[reject.origin, reject.field] += reject.count
        for (origin, field), count in sorted(counts.items()):
            rejects.add_metric([origin, field], count)
        yield rejects
        yield CounterMetricFamily("buurtrit_gateway_resent_batches", "Batches sent again", value=self._resent())
        yield GaugeMetricFamily("buurtrit_gateway_hub_connected", "1 with a broker", value=float(health.hub_connected))
        nodes = GaugeMetricFamily("buurtrit_gateway_node_online", "1 while a node speaks", labels=["node"])
        for node, online in sorted(health.nodes.items()):
            nodes.add_metric([node], float(online))
        yield nodes
        missing = GaugeMetricFamily(
            "buurtrit_gateway_node_missing_readings", "Numbers of a node's readings that have not come", labels=["node"]
        )
        for node, count in sorted(health.missing.items()):
            missing.add_metric([node], count)
        yield missing
        yield GaugeMetricFamily("buurtrit_gateway_boot", "How often this outbox was opened", value=health.boot)
        if health.rss_mb is not None:
            yield GaugeMetricFamily("buurtrit_gateway_resident_bytes", "Resident memory", value=health.rss_mb * 1e6)
