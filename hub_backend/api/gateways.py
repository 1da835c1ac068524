"""GET /api/gateways: who is there, how far each lane is committed, and what is missing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import ClockQuality, decode_event
from hub_backend.kit import Kit
from hub_backend.record import EventRow, GatewayRow, LaneRow, NodeRow, SourceRow


class LaneState(BaseModel):
    """A lane of an outbox file: committed without a hole up to `committed_n`, but for `missing` that are lost.

    `waiting` were still to come when the gateway last sent; None: it does not tell.
    """

    outbox: str
    lane: str
    committed_n: int
    missing: int
    waiting: int | None


class SourceState(BaseModel):
    """What came of one source since one start; `gap` events of it are not (yet) here."""

    source: str
    boot: int
    received: int
    highest_seq: int
    gap: int
    last_t_s: float


class Node(BaseModel):
    """A node as its gateway last said."""

    node: str
    online: bool
    t_s: float
    dropped: int
    rejected_frames: int
    firmware: str


class Gateway(BaseModel):
    """A gateway of the settings; `online` None: it was never heard.

    `t_s`: when it last signed on. `heard_s`: the time of the newest event that came of it, and `clock` how far that can
    be trusted. All UTC s.
    """

    gateway: str
    hub: str
    role: str
    online: bool | None
    boot: int | None
    t_s: float | None
    heard_s: float | None = None
    clock: ClockQuality | None = None
    software: str
    lanes: list[LaneState] = []
    sources: list[SourceState] = []
    nodes: list[Node] = []


def router(kit: Kit) -> APIRouter:
    routes = APIRouter(tags=["gateways"])

    @routes.get("/gateways")
    def gateways(gaps_only: bool = False) -> list[Gateway]:
        """Every gateway that may speak; `gaps_only`: of its sources only those of which something is missing."""
        return [
            one.model_copy(update={"sources": [each for each in one.sources if each.gap > 0 or not gaps_only]})
            for one in all_gateways(kit)
        ]

    return routes


def all_gateways(kit: Kit) -> list[Gateway]:
    """Every gateway of the settings, also one that was never heard."""
    with kit.store.read() as session:
        rows = {row.gateway: row for row in session.scalars(select(GatewayRow))}
        lanes = _by_gateway(session.scalars(select(LaneRow)))
        sources = _by_source(session.scalars(select(SourceRow).order_by(SourceRow.source, SourceRow.boot)))
        nodes = _nodes(session)
        clocks = _clocks(session, {name: _newest(sources[name]) for name in kit.settings.gateways})
    return [
        _gateway(kit, name, rows.get(name)).model_copy(
            update={
                "heard_s": max((source.last_t_s for source in sources[name]), default=None),
                "clock": clocks.get(name),
                "lanes": lanes[name],
                "sources": sources[name],
                "nodes": nodes[name],
            }
        )
        for name in sorted(kit.settings.gateways)
    ]


def _newest(sources: Sequence[SourceState]) -> SourceState | None:
    return max(sources, key=lambda source: source.last_t_s, default=None)


def _clocks(session: Session, newest: Mapping[str, SourceState | None]) -> Mapping[str, ClockQuality]:
    """How far each gateway's clock could be trusted when it made the newest event that came of it."""
    found: dict[str, ClockQuality] = {}
    for gateway, source in newest.items():
        if source is not None:
            at = (EventRow.source == source.source, EventRow.boot == source.boot, EventRow.seq == source.highest_seq)
            body = session.scalar(select(EventRow.body).where(*at))
            if body is not None:
                found[gateway] = decode_event.decode(body.encode()).clock
    return found


def _gateway(kit: Kit, name: str, row: GatewayRow | None) -> Gateway:
    settings = kit.settings.gateways[name]
    return Gateway(
        gateway=name,
        hub=settings.hub,
        role=settings.role,
        online=row.online if row else None,
        boot=row.boot if row else None,
        t_s=row.t_s if row else None,
        software=row.software if row else "",
    )


def _by_gateway(rows: Iterable[LaneRow]) -> Mapping[str, list[LaneState]]:
    found: defaultdict[str, list[LaneState]] = defaultdict(list)
    for row in rows:
        found[row.gateway].append(
            LaneState(
                outbox=row.outbox,
                lane=row.lane,
                committed_n=row.committed_n,
                missing=row.missing,
                waiting=None if row.newest_n is None else max(0, row.newest_n - row.committed_n),
            )
        )
    return found


def _by_source(rows: Iterable[SourceRow]) -> Mapping[str, list[SourceState]]:
    found: defaultdict[str, list[SourceState]] = defaultdict(list)
    for row in rows:
        found[row.source.partition("/")[0]].append(
            SourceState(
                source=row.source,
                boot=row.boot,
                received=row.received,
                highest_seq=row.highest_seq,
                gap=row.highest_seq + 1 - row.received,
                last_t_s=row.last_t_s,
            )
        )
    return found


def _nodes(session: Session) -> Mapping[str, list[Node]]:
    found: defaultdict[str, list[Node]] = defaultdict(list)
    for row in session.scalars(select(NodeRow).order_by(NodeRow.node)):
        found[row.gateway].append(Node(**{name: getattr(row, name) for name in Node.model_fields}))
    return found
