"""What lay in a van or a hub for some time, as it was scanned in and handed over. Read from the record, never kept.

Where nobody scanned anything at all the answer is None: that is not known, and it is not nothing.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Scan, ScanPurpose, ScanResult, Visit, decode_event
from hub_backend.record import EventRow

LOOK_BACK_S = 2 * 86400.0
"""What was scanned longer ago than this is not in a cooler any more: what is cold is brought on the day it comes."""

IN = (ScanPurpose.INTAKE, ScanPurpose.LOAD, ScanPurpose.COLLECT)


@dataclass(frozen=True, slots=True)
class Stay:
    """One thing, from when it was put in until it was handed over or taken elsewhere.

    `in_s` None: nobody scanned it in, and it was handed over from there. `out_s` None: it is still in.
    """

    code: str
    in_s: float | None
    out_s: float | None = None


def stays(session: Session, gateway: str, *, from_s: float, to_s: float) -> list[Stay] | None:
    """What lay in the gateway's van or hub for any part of this time, in the order in which it was put in."""
    # A question for each kind, put together here: for both at once the database would sort what it found.
    told = [_told(session, kind, from_s=from_s - LOOK_BACK_S, to_s=to_s) for kind in ("scan", "visit")]
    rows = heapq.merge(*told, key=lambda row: (row[0], row[1]))
    found = _followed(gateway, ((teller, decode_event.decode(body)) for _, _, teller, body in rows))
    if found is None:
        return None
    return [stay for stay in found if stay.out_s is None or stay.out_s > from_s]


def _told(session: Session, kind: str, *, from_s: float, to_s: float) -> Iterable[Row[float, int, str, str]]:
    return session.execute(
        select(EventRow.t_s, EventRow.id, EventRow.gateway, EventRow.body)
        .where(EventRow.kind == kind, EventRow.t_s >= from_s, EventRow.t_s <= to_s)
        .order_by(EventRow.t_s, EventRow.id)
    )


def _followed(gateway: str, told: Iterable[tuple[str, AnyEvent]]) -> list[Stay] | None:
    """Every stay that is told of. None: nothing was scanned there."""
    is_known = False
    inside: dict[str, float] = {}
    over: dict[tuple[str, float | None], Stay] = {}
    for teller, event in told:
        is_here = teller == gateway
        is_known |= is_here and isinstance(event, Scan)
        for code in _moved(event) if is_here else ():
            inside.setdefault(code, event.t_s)
        for code in _handed_over(event) if is_here else (*_moved(event), *_handed_over(event)):
            if code in inside:
                in_s = inside.pop(code)
                over[code, in_s] = Stay(code, in_s, event.t_s)
            elif is_here and not any(code == known for known, _ in over):
                over[code, None] = Stay(code, None, event.t_s)
    if not is_known and not over:
        return None
    found = [*over.values(), *(Stay(code, in_s) for code, in_s in inside.items())]
    return sorted(found, key=lambda stay: stay.in_s or 0.0)


def _moved(event: AnyEvent) -> tuple[str, ...]:
    """What was put where this gateway is: scanned in, or taken along at a door."""
    if isinstance(event, Visit):
        return event.collected
    if not isinstance(event, Scan) or event.purpose not in IN:
        return ()
    is_brought_back = event.purpose is ScanPurpose.INTAKE and event.result is ScanResult.ALREADY_SCANNED
    return (event.code,) if event.result is ScanResult.RIGHT or is_brought_back else ()


def _handed_over(event: AnyEvent) -> tuple[str, ...]:
    """A scan at a door may still end with nobody at home: what the visit says was handed over counts."""
    return event.delivered if isinstance(event, Visit) else ()
