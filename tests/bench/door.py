"""From a scan at a door to the planner's page: gateway, outbox, broker, hub, live stream, among 200 vans under way."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge_gateway.contract import messages, parcel_label, topics
from edge_gateway.contract.messages import PlannedParcel, PlannedStop, VanPlan
from hub_backend.record import HubRow, OrderRow, ParcelRow, ResidentRow, StopRow, SupplierRow, VanRow
from hub_backend.store import Store
from tests.bench.figures import Goal, Row, percentile
from tests.bench.fleet import Fleet
from tests.bench.ingest import caught_up, warm
from tests.bench.line import publish
from tests.bench.setting import Setting
from tests.bench.traffic import Traffic
from tests.bench.van import Van, send, van
from tests.bench.world import HUB, Gateway, broker, gateways, hub, wait_until

VANS = 200
EVERY_S = 0.3
STOP = "s1"
ONE = "van-1"
PATIENCE_S = 20.0


def measure(setting: Setting) -> list[Row]:
    """Raises `MissingError` without mosquitto."""
    count = setting.of(400, short=30)
    known = gateways(VANS)
    folder = setting.folder
    orders = {parcel_label.label(i): f"o{i}" for i in range(1, count + 1)}
    day_s = time.time()
    _order(folder / "hub", orders, day_s)
    with (
        broker(folder / "broker", setting.ports) as port,
        hub(folder / "hub", setting.ports, broker_port=port, known=known) as running,
        van(folder / "van", setting.ports, broker_port=port, who=known[0], inputs=("scanner",)) as one,
    ):
        fleet = Fleet(port, known[1:], setting.random)
        fleet.line.say(_plan(known[0], list(orders), day_s))
        wait_until(lambda: (fleet.line.listen(0), fleet.line.acked)[1], "the broker")
        _drive_to_the_door(one)
        warm(fleet)
        caught_up(running)
        with _planner(running.port) as planner, Traffic(fleet, setting.random) as traffic:
            time.sleep(setting.of(10, short=3))
            took_ms = [_scan(one, planner, code, order) for code, order in orders.items()]
        if traffic.failure is not None:
            raise traffic.failure
        fleet.line.close()
    setting.say(f"door: p50 {percentile(took_ms, 0.5):.0f} ms, p99 {percentile(took_ms, 0.99):.0f} ms")
    return [
        Row(
            part="door",
            what=f"door scan to the planner's page among {VANS} vans under way, p99",
            unit="ms",
            figure=percentile(took_ms, 0.99),
            goal=Goal("at most", 250),
            also={
                **{"p50 ms": percentile(took_ms, 0.5), "longest ms": max(took_ms), "scans": count},
                "messages of the other vans": traffic.sent,
            },
        )
    ]


def _scan(one: Van, planner: "Planner", code: str, order: str) -> float:
    """Milliseconds from the scanner's last byte until the page is told of the order; then a pause."""
    began_s = time.monotonic()
    send(one.lines["scanner"], f"{code}\r".encode())
    heard_s = planner.wait(order)
    time.sleep(max(0.0, began_s + EVERY_S - time.monotonic()))
    return 1000 * (heard_s - began_s)


class Planner:
    """The planner's page: the live stream that it opens, and when it was told of each order."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._told: dict[str, float] = {}
        self._bell = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self, order: str) -> float:
        """When it was told (machine). Raises `TimeoutError`."""
        with self._bell:
            if not self._bell.wait_for(lambda: order in self._told, timeout=PATIENCE_S):
                raise TimeoutError(f"the planner's page was not told of order {order} within {PATIENCE_S:.0f} s")
            return self._told[order]

    def _read(self) -> None:
        rest = b""
        while data := self._stream.recv(65536):
            now_s = time.monotonic()
            *frames, rest = (rest + data).split(b"\n\n")
            with self._bell:
                for frame in frames:
                    if b"event: order\n" in frame:
                        self._told.setdefault(frame.partition(b'"id":"')[2].partition(b'"')[0].decode(), now_s)
                self._bell.notify_all()


@contextmanager
def _planner(port: int) -> Iterator[Planner]:
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(b"GET /api/live HTTP/1.1\r\nHost: hub\r\nAccept: text/event-stream\r\n\r\n")
    try:
        yield Planner(stream)
    finally:
        stream.shutdown(socket.SHUT_RDWR)
        stream.close()


# ---------------------------------------------------------------- what stands before the first scan


def _order(folder: Path, orders: dict[str, str], now_s: float) -> None:
    """Puts an order for each parcel into the record, all for one address."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(f"sqlite:///{folder / 'hub.sqlite'}")
    store.open()
    day = _day(now_s)
    until_s = now_s + 7200
    with store.write() as session:
        session.add(HubRow(id=HUB, name="Colmschate", lat=52.25, lon=6.2))
        session.flush()
        session.add(VanRow(id=ONE, hub=HUB, concierge="Jo", skills=[], capacity={"ambient": 500}))
        session.add(SupplierRow(id="winkel", name="De Winkel", lat=52.2, lon=6.1))
        session.add(ResidentRow(id="r1", name="A", street="Laan", number="1", lat=52.25, lon=6.2, hub=HUB))
        session.flush()
        session.add(
            StopRow(
                id=STOP,
                day=day,
                hub=HUB,
                resident="r1",
                kind="visit",
                from_s=now_s,
                to_s=until_s,
                service_s=600,
                van=ONE,
            )
        )
        for order in orders.values():
            session.add(
                OrderRow(
                    id=order,
                    supplier="winkel",
                    resident="r1",
                    day=day,
                    kind="delivery",
                    goods="parcel",
                    from_s=now_s,
                    to_s=until_s,
                    created_s=now_s - 3600,
                    stop=STOP,
                )
            )
        session.flush()
        for code, order in orders.items():
            session.add(ParcelRow(code=code, order=order, direction="deliver", temp_class="ambient"))
    store.close()


def _plan(who: Gateway, codes: Sequence[str], now_s: float) -> bytes:
    """The van's plan as the hub sends it: one address, and all parcels are for it."""
    parcels = tuple(PlannedParcel(code=code, goods="parcel", temp_class="ambient", supplier="winkel") for code in codes)
    stop = PlannedStop(
        stop=STOP,
        kind="visit",
        name="Mw. A",
        address="Laan 1",
        lat=52.25,
        lon=6.2,
        arrive_s=now_s,
        depart_s=now_s + 600,
        service_s=600.0,
        deliver=parcels,
    )
    plan = VanPlan(plan="p1", revision=1, made_s=now_s, day=_day(now_s), van=ONE, concierge="Jo", stops=(stop,))
    topic = who.address.topic(topics.PLAN)
    return publish(topic, who.seal.close(messages.encode(plan), topic=topic), 1)


def _drive_to_the_door(one: Van) -> None:
    """The concierge's taps: departed, under way, arrived."""
    wait_until(lambda: one.ask("/api/state")["plan"] is not None, "the plan")  # type: ignore[index]
    for i, (phase, stop) in enumerate((("departed_hub", None), ("under_way", STOP), ("arrived", STOP))):
        record = {"id": f"00000000-0000-4000-8000-{i:012d}", "kind": "tour", "phase": phase, "stop": stop}
        one.ask("/api/records", [{name: value for name, value in record.items() if value is not None}])


def _day(now_s: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(now_s))
