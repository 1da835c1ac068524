"""Made-up inputs for the hub's tests: settings, events, batches, rows."""

from collections.abc import Sequence

import msgspec
from sqlalchemy.orm import Session

from edge_gateway.contract import messages
from edge_gateway.contract.messages import (
    AnyEvent,
    Cooler,
    EventBatch,
    Lane,
    Outcome,
    Position,
    Presence,
    Span,
    Tour,
    Visit,
)
from edge_gateway.contract.topics import Address
from hub_backend.intake.envelope import Opened
from hub_backend.intake.reading import ReadBatch, ReadPresence, read_to_its_end
from hub_backend.kit import Kit
from hub_backend.record import EventRow, HubRow, OrderRow, ParcelRow, ResidentRow, StopRow, SupplierRow, VanRow
from hub_backend.settings import Settings

T0 = 1795424400.0  # Monday 23 November 2026, 09:00 UTC, 10:00 in Deventer
DAY = "2026-11-23"
KEYS = {
    "van-1": "d40L3XeCobnj7yAiIvUfpTu9aPe3Aza/JkCdZy9G+bw=",
    "van-2": "Dn3jKiSj5a2Gy1AykreRyJ+sTnUmVLzggXzWF1dsyhY=",
    "hub-colmschate": "9BSxNmKqjvcHQy+YgaqFZCeElTjRxITR0KyL4BGbxbs=",
}


class FakeClock:
    """The world's time, set by the test."""

    def __init__(self, now_s: float = T0) -> None:
        self.time_s = now_s

    def now_s(self) -> float:
        return self.time_s


def settings(database_url: str, **more: object) -> Settings:
    return Settings.model_validate(
        {
            "org": "buurenzo",
            "hubs": ["colmschate"],
            "gateways": {
                name: {"hub": "colmschate", "role": "hub" if name.startswith("hub") else "van", "key": key}
                for name, key in KEYS.items()
            },
            "database_url": database_url,
            **more,
        }
    )


def position(seq: int, *, source: str = "van-1", boot: int = 1, t_s: float | None = None) -> Position:
    return Position(
        source=source,
        boot=boot,
        seq=seq,
        t_s=T0 + seq if t_s is None else t_s,
        fix="3d",
        lat=52.25 + seq * 1e-4,
        lon=6.2,
        speed_m_s=5.0,
    )


def read(
    address: Address, content: EventBatch | Presence, *, now_s: float = T0, future_s: float = 300
) -> ReadBatch | ReadPresence:
    """As the hub's ingest reads it."""
    return read_to_its_end(Opened(address, content), now_s=now_s, future_s=future_s)


def batch(
    events: Sequence[AnyEvent | bytes],
    *,
    first_n: int = 1,
    base_n: int = 1,
    outbox: str = "box",
    lane: Lane = Lane.TELEMETRY,
) -> EventBatch:
    raw = [event if isinstance(event, bytes) else messages.encode(event) for event in events]
    return EventBatch(
        outbox=outbox, lane=lane, base_n=base_n, first_n=first_n, events=tuple(msgspec.Raw(one) for one in raw)
    )


def order_a_stop(session: Session, *, stop: str = "s1", van: str = "van-1", kind: str = "delivery") -> None:
    """A resident, a stop and an order with a parcel to bring (`P-{stop}`) and one to take along (`C-{stop}`)."""
    session.merge(HubRow(id="colmschate", name="Colmschate", lat=52.25, lon=6.2))
    session.flush()
    session.merge(VanRow(id=van, hub="colmschate", concierge="Jo", skills=[], capacity={"chilled": 10}))
    session.merge(SupplierRow(id="kok", name="De Kok", lat=52.2, lon=6.1))
    session.merge(
        ResidentRow(id=f"r-{stop}", name="A", street="Laan", number="1", lat=52.25, lon=6.2, hub="colmschate")
    )
    session.flush()
    session.add(
        StopRow(
            id=stop,
            day=DAY,
            hub="colmschate",
            resident=f"r-{stop}",
            kind="ride" if kind == "ride" else "visit",
            from_s=T0,
            to_s=T0 + 3600,
            service_s=180,
            van=van,
        )
    )
    session.add(
        OrderRow(
            id=f"o-{stop}",
            supplier="kok",
            resident=f"r-{stop}",
            day=DAY,
            kind=kind,
            goods="chilled_meal",
            from_s=T0,
            to_s=T0 + 3600,
            created_s=T0 - 3600,
            stop=stop,
        )
    )
    session.flush()
    if kind in ("delivery", "swap"):
        session.add(ParcelRow(code=f"P-{stop}", order=f"o-{stop}", direction="deliver", temp_class="chilled"))
    if kind in ("collection", "swap"):
        session.add(ParcelRow(code=f"C-{stop}", order=f"o-{stop}", direction="collect", temp_class="ambient"))


def record(kit: Kit, *events: AnyEvent) -> None:
    """Puts events into the record, in this order, as ingest would."""
    with kit.store.write() as session:
        for event in events:
            session.add(
                EventRow(
                    gateway=event.source.partition("/")[0],
                    source=event.source,
                    boot=event.boot,
                    seq=event.seq,
                    kind=str(event.__struct_config__.tag),
                    t_s=event.t_s,
                    received_s=kit.clock.now_s(),
                    body=messages.encode(event).decode(),
                )
            )
            session.flush()


def tour(seq: int, phase: str, stop: str | None = None, *, t_s: float, **more: object) -> Tour:
    return Tour(source="van-1", boot=1, seq=seq, t_s=t_s, phase=phase, stop=stop, **more)  # type: ignore[arg-type]


def visit(seq: int, stop: str, outcome: Outcome, *, t_s: float, **more: object) -> Visit:
    return Visit(source="van-1", boot=1, seq=seq, t_s=t_s, stop=stop, outcome=outcome, **more)  # type: ignore[arg-type]


def cooler(seq: int, product_c: float | None, *, source: str = "van-1/cooler", t_s: float | None = None) -> Cooler:
    span = Span(mean_c=product_c, min_c=product_c, max_c=product_c)
    return Cooler(
        source=source,
        boot=1,
        seq=seq,
        t_s=T0 + 60.0 * seq if t_s is None else t_s,
        period_s=60.0,
        air=span,
        product=span,
        lid_open_s=0.0,
    )
