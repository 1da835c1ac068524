"""GET /metrics: what a Prometheus asks of the hub. Names are `buurtrit_hub_…`; no metric names a resident or a stop."""

from collections import Counter
from collections.abc import Callable, Iterable

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import func, select

from hub_backend.api.gateways import Gateway
from hub_backend.api.health import Health
from hub_backend.kit import Kit
from hub_backend.record import RejectRow

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Collected when asked, from what the health page and the gateways' page are shown too."""

    def __init__(self, kit: Kit, *, health: Callable[[], Health], gateways: Callable[[], Iterable[Gateway]]) -> None:
        self._kit = kit
        self._health = health
        self._gateways = gateways

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        health = self._health()
        yield CounterMetricFamily("buurtrit_hub_events", "Events in the record", value=health.events)
        rejects = CounterMetricFamily("buurtrit_hub_rejected", "What was set aside, by field", labels=["field"])
        for field, count in self._rejected():
            rejects.add_metric([field], count)
        yield rejects
        refused = CounterMetricFamily(
            "buurtrit_hub_refused_requests", "What was refused over HTTP", labels=["route", "reason"]
        )
        for one in sorted(self._kit.refused.shown(), key=lambda one: (one.place, one.kind)):
            refused.add_metric([one.place, one.kind], one.count)
        yield refused
        behind = GaugeMetricFamily("buurtrit_hub_follower_behind_events", "Events to go", labels=["follower"])
        for name, count in sorted(health.followers.items()):
            behind.add_metric([name], count)
        yield behind
        yield GaugeMetricFamily(
            "buurtrit_hub_broker_connected", "1 with a broker", value=float(health.broker_connected)
        )
        yield GaugeMetricFamily(
            "buurtrit_hub_waiting_triggers", "Triggers without a plan", value=health.dispatch.waiting_triggers
        )
        yield GaugeMetricFamily(
            "buurtrit_hub_dispatch_failing",
            "1 while the last try gave no plan",
            value=float(bool(health.dispatch.failure)),
        )
        yield GaugeMetricFamily("buurtrit_hub_live_listeners", "Open screens", value=health.live_listeners)
        if health.rss_mb is not None:
            yield GaugeMetricFamily("buurtrit_hub_resident_bytes", "Resident memory", value=health.rss_mb * 1e6)
        yield from self._by_gateway()

    def _rejected(self) -> list[tuple[str, int]]:
        counted = select(RejectRow.field, func.sum(RejectRow.count)).group_by(RejectRow.field).order_by(RejectRow.field)
        with self._kit.store.read() as session:
            return [(field, int(count)) for field, count in session.execute(counted)]

    def _by_gateway(self) -> Iterable[Metric]:
        online = GaugeMetricFamily("buurtrit_hub_gateway_online", "1 while it is there", labels=["gateway"])
        missing = CounterMetricFamily(
            "buurtrit_hub_missing_events", "Events that a gateway lost for ever", labels=["gateway", "lane"]
        )
        gaps = GaugeMetricFamily("buurtrit_hub_gap_events", "Events that have not come yet", labels=["source"])
        for gateway in self._gateways():
            if gateway.online is not None:  # one that was never heard is neither there nor away
                online.add_metric([gateway.gateway], float(gateway.online))
            lost: Counter[str] = Counter()  # a gateway may have had more than one outbox, and a node many starts
            for lane in gateway.lanes:
                lost[lane.lane] += lane.missing
            for name, count in sorted(lost.items()):
                missing.add_metric([gateway.gateway, name], count)
            open_gaps: Counter[str] = Counter()
            for source in gateway.sources:
                open_gaps[source.source] += source.gap
            for name, count in sorted(open_gaps.items()):
                gaps.add_metric([name], count)
        yield from (online, missing, gaps)


def router(kit: Kit, *, health: Callable[[], Health], gateways: Callable[[], Iterable[Gateway]]) -> APIRouter:
    routes = APIRouter(tags=["health"])
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Metrics(kit, health=health, gateways=gateways))

    @routes.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """For Prometheus, in its text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE)

    return routes
