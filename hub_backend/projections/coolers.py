"""The follower of the cold chain: what each cooler says, judged by `coldchain`, into states and excursions.

The rules' memory lies in the row of the cooler, so a restart goes on where it was. A reading that comes out of order
(stored and forwarded) has the last day judged anew from the record: excursions that this brings to light are added,
and none is taken away, for what was once judged stays in the audit trail.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge_gateway.contract import messages
from edge_gateway.contract.alarms import OVER, Probes, probe_is_back
from edge_gateway.contract.messages import Alarm, AnyEvent, Cooler, Lid
from hub_backend import coldchain
from hub_backend.coldchain import Opened, Reading, Recovered, Rule, Watch, Worsened
from hub_backend.exposure import held_by
from hub_backend.kit import Kit
from hub_backend.projections.follower import Follower, Received
from hub_backend.record import CoolerStateRow, EventRow, ExcursionRow
from hub_backend.shown import Change
from hub_backend.spoken import said, sentence, source_called
from hub_backend.store import hold_rows, row_of
from hub_backend.trigger import pull

LOOK_BACK_S = 86400.0


class Coolers(Follower):
    """Writes `cooler_states` and `excursions`, and a `warm_cooler` trigger for each excursion that it opens."""

    name = "coldchain"
    kinds: frozenset[type[AnyEvent]] = frozenset({Cooler, Lid, Alarm})

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def begin(self, session: Session, events: Sequence[Received]) -> None:
        hold_rows(session, CoolerStateRow, {received.event.source for received in events})

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        row = self._row(session, received.event)
        match received.event:
            case Lid() as lid if row.lid_s is None or lid.t_s >= row.lid_s:
                row.lid_open, row.lid_s = lid.open, lid.t_s
                self._end_alarm(row, (row.air_c, row.product_c))
            case Alarm() as alarm if alarm.reason in OVER:
                if row.node_alarm != OVER[alarm.reason] or row.node_alarm_over_s is not None:
                    return []
                if row.node_alarm_s is None or alarm.t_s < row.node_alarm_s:
                    return []
                row.node_alarm_over_s = alarm.t_s
            case Alarm() as alarm if row.node_alarm_s is None or alarm.t_s >= row.node_alarm_s:
                row.node_alarm, row.node_alarm_s, row.node_alarm_over_s = alarm.reason, alarm.t_s, None
                self._end_alarm(row, (row.air_c, row.product_c))  # it may come after what ended it
            case Cooler() as cooler:
                return [("cooler", row.source), *self._read(session, row, cooler)]
            case _:
                return []
        return [("cooler", row.source)]

    def _row(self, session: Session, event: AnyEvent) -> CoolerStateRow:
        row = row_of(session, CoolerStateRow, event.source)
        if row is None:
            row = CoolerStateRow(source=event.source, t_s=event.t_s, watch=Watch().memory())
            session.add(row)
        return row

    def _read(self, session: Session, row: CoolerStateRow, cooler: Cooler) -> Iterable[Change]:
        rules = coldchain.RULES[held_by(self._kit, row.source)]
        watch = Watch.of(row.watch)
        late = watch.seen_s is not None and cooler.t_s <= watch.seen_s
        before = (row.air_c, row.product_c)
        if not late:
            row.t_s, row.air_c, row.product_c = cooler.t_s, cooler.air.mean_c, cooler.product.mean_c
            found = coldchain.advance(rules, watch, _reading(cooler))
        else:
            watch, found = self._again(session, rules, row.source, watch)
        row.watch = watch.memory()
        self._end_alarm(row, before)
        return [change for one in found for change in _note(session, row.source, one, audit=late)]

    def _end_alarm(self, row: CoolerStateRow, before: Probes) -> None:
        """Marks the node's alarm as past, once something newer says so. `before` is the period before the newest."""
        began_s = row.node_alarm_s
        if began_s is None or row.node_alarm_over_s is not None:
            return
        if row.node_alarm == "lid_open":
            if row.lid_open is False and row.lid_s is not None and row.lid_s >= began_s:
                row.node_alarm_over_s = row.lid_s
            return
        if row.t_s <= began_s:
            return
        if row.node_alarm == "probe_lost":
            is_over = probe_is_back(before, (row.air_c, row.product_c))
        else:
            rules = coldchain.RULES[held_by(self._kit, row.source)]
            is_over = coldchain.state(rules, Watch.of(row.watch), now_s=row.t_s) == "ok"
        if is_over:
            row.node_alarm_over_s = row.t_s

    def _again(
        self, session: Session, rules: tuple[Rule, ...], source: str, watch: Watch
    ) -> tuple[Watch, list[coldchain.Change]]:
        """The last day judged anew, up to the newest reading that was seen."""
        assert watch.seen_s is not None
        rows = session.scalars(
            select(EventRow.body)
            .where(EventRow.kind == "cooler", EventRow.t_s >= watch.seen_s - LOOK_BACK_S)
            .where(EventRow.t_s <= watch.seen_s, EventRow.source == source)
            .order_by(EventRow.t_s, EventRow.id)
        )
        readings: dict[float, Reading] = {}
        for body in rows:
            event = messages.decode_event.decode(body)
            assert isinstance(event, Cooler)
            readings.setdefault(event.t_s, _reading(event))
        return coldchain.evaluate(rules, list(readings.values()))


def _reading(cooler: Cooler) -> Reading:
    return Reading(cooler.t_s, cooler.period_s, cooler.product.mean_c)


def excursion_id(source: str, key: str, opened_s: float) -> str:
    """`van-1/cooler@1763899200`; a lost sensor's has `.lost` after it."""
    return f"{source}@{int(opened_s)}" + (".lost" if key == "lost" else "")


def _note(session: Session, source: str, change: coldchain.Change, *, audit: bool) -> list[Change]:
    row = row_of(session, ExcursionRow, excursion_id(source, change.key, change.opened_s))
    if row is None and audit:
        row = _overlapping(session, source, change)
    match change:
        case Opened() if row is None:
            session.add(_opened(source, change))
            _warn(session, source, change)
            session.flush()
            return [("excursion", excursion_id(source, change.key, change.opened_s))]
        case Worsened() if row is not None:
            row.extreme_c = change.extreme_c
        case Recovered() if row is not None and row.recovered_s is None:
            row.recovered_s = change.recovered_s
        case _:
            return []
    return [] if row is None else [("excursion", row.id)]


def _overlapping(session: Session, source: str, change: coldchain.Change) -> ExcursionRow | None:
    """The excursion that was found before, when the same one is found again with a slightly other beginning."""
    same = select(ExcursionRow).where(
        ExcursionRow.source == source,
        ExcursionRow.began_s <= change.opened_s,
        (ExcursionRow.recovered_s.is_(None)) | (ExcursionRow.recovered_s >= change.opened_s),
        ExcursionRow.rule == "sensor_lost" if change.key == "lost" else ExcursionRow.rule != "sensor_lost",
    )
    return session.scalars(same.limit(1)).first()


def _opened(source: str, change: Opened) -> ExcursionRow:
    return ExcursionRow(
        id=excursion_id(source, change.key, change.opened_s),
        source=source,
        rule=change.rule,
        limit_c=change.limit_c,
        began_s=change.began_s,
        opened_s=change.opened_s,
        extreme_c=change.extreme_c,
    )


def _warn(session: Session, source: str, change: Opened) -> None:
    gateway = source.partition("/")[0]
    pull(
        session,
        kind="warm_cooler",
        subject=gateway,
        words=sentence(said(f"cooler_{change.key}", cooler=source_called(source))),
        t_s=change.opened_s,
        cause=f"excursion:{excursion_id(source, change.key, change.opened_s)}",
    )
