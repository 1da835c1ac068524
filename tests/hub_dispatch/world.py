"""A hub's planning with a clock that the test moves, gateways that the test speaks for, and a record on disk."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import FastAPI
from fastapi.testclient import TestClient

from edge_gateway.contract import messages
from edge_gateway.contract.messages import Event, Outcome, Scan, ScanPurpose, ScanResult, Tour, VanPlan, Vehicle, Visit
from edge_gateway.contract.sealing import new_key
from hub_backend import planning
from hub_backend.api import refusals
from hub_backend.dispatching.drafting import Planner
from hub_backend.dispatching.router.problem import PlanAnswer, PlanRequest
from hub_backend.dispatching.router.solver import Solver, never
from hub_backend.kit import Kit
from hub_backend.live import Live
from hub_backend.projections.coolers import Coolers
from hub_backend.projections.fleet import Fleet
from hub_backend.projections.follower import Follower, Received
from hub_backend.projections.proof import Proof
from hub_backend.projections.triggers import Triggers
from hub_backend.record import EventRow
from hub_backend.settings import GatewaySettings, Settings
from hub_backend.store import Store
from hub_backend.workday import at
from tests.hub_dispatch.by_hand import by_hand

DAY = "2026-11-23"
ZONE = ZoneInfo("Europe/Amsterdam")
HUB = (52.2600, 6.2200)


def clock(text: str) -> float:
    """UTC seconds of a local time on the day of the tests."""
    return float(at(DAY, text, zone=ZONE))


@dataclass
class HandClock:
    """Stands still until the test moves it."""

    t_s: float

    def now_s(self) -> float:
        return self.t_s


@dataclass
class Mailbox:
    """Takes what would go to the gateways."""

    sent: list[tuple[str, messages.Downlink]] = field(default_factory=list)

    def send(self, gateway: str, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        assert leaf == "down/plan"
        assert retain
        self.sent.append((gateway, messages.decode_downlink.decode(payload)))

    def newest(self, van: str) -> VanPlan:
        message = next(message for gateway, message in reversed(self.sent) if gateway == van)
        assert isinstance(message, VanPlan)
        return message


@dataclass
class HandPlanner:
    """Plans by hand; `answers` lets a test put something else in between."""

    requests: list[PlanRequest] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)

    def plan(self, request: PlanRequest, *, overtaken: Callable[[], bool] = never) -> PlanAnswer:
        self.requests.append(request)
        if self.before:
            change = self.before.pop(0)
            changed: PlanAnswer = change(by_hand(request))
            return changed
        return by_hand(request)


class World:
    """One hub (`colmschate`) with two vans and its own gateway; orders go in over HTTP."""

    def __init__(
        self,
        folder: Path,
        *,
        planner: Planner | None,
        solver: Solver | None = None,
        map_dir: Path | None = None,
        **settings_of: Any,
    ) -> None:
        self.clock = HandClock(clock("08:00"))
        self.mail = Mailbox()
        gateways = {
            name: GatewaySettings.model_validate({"hub": "colmschate", "role": role, "key": new_key()})
            for name, role in (("van-1", "van"), ("van-2", "van"), ("hub-colmschate", "hub"))
        }
        values: dict[str, Any] = {
            "org": "buurenzo",
            "hubs": ("colmschate",),
            "gateways": gateways,
            "database_url": f"sqlite:///{folder / 'hub.sqlite'}",
            "map_dir": map_dir,
            "solve_morning_s": 0.5,
            "solve_live_s": 0.2,
            "debounce_s": 0.0,
        }
        settings = Settings(**values | settings_of)
        self.kit = Kit(settings=settings, clock=self.clock, store=Store(settings.database_url), live=Live())
        self.kit.store.open()
        self.planning = planning.build(
            self.kit, self.mail, planner=planner, solver=solver, random_below=random.Random(1).randrange
        )
        self.dispatch = self.planning.dispatch
        vans = frozenset({"van-1", "van-2"})
        self._followers: list[Follower] = [
            Fleet(vans, ZONE),
            Proof(),
            Coolers(self.kit),
            Triggers(self.kit, vans),
            *self.planning.followers,
        ]
        web = FastAPI()
        refusals.install(web)
        for router in self.planning.routers:
            web.include_router(router, prefix="/api")
        for router in self.planning.root_routers:
            web.include_router(router)
        self.http = TestClient(web)
        self.http.__enter__()  # one event loop for all requests, instead of one each
        self._seq = 0

    def close(self) -> None:
        self.http.__exit__(None, None, None)
        """The router's process is ended by who made it."""
        self.kit.store.close()

    def at(self, text: str) -> None:
        self.clock.t_s = clock(text)

    # ------------------------------------------------------------ what happens

    def tell(self, event: Event) -> None:
        """An event of a gateway, as ingest and the followers would take it."""
        self._seq += 1
        gateway = event.source.partition("/")[0]
        kind = str(type(event).__struct_config__.tag)
        with self.kit.store.write() as session:
            row = EventRow(
                gateway=gateway,
                source=event.source,
                boot=1,
                seq=self._seq,
                kind=kind,
                t_s=event.t_s,
                received_s=event.t_s,
                body=msgspec.json.encode(event).decode(),
            )
            session.add(row)
            session.flush()
            for follower in self._followers:
                if type(event) in follower.kinds:
                    events = [Received(row.id, gateway, event)]
                    needed = follower.needed(events)
                    follower.begin(session, needed)
                    for received in needed:
                        list(follower.take(session, received))
                    follower.finish(session, events)

    def tour(self, van: str, phase: Any, stop: str | None = None, *, extra_s: float | None = None) -> None:
        self.tell(Tour(source=van, boot=1, seq=self._seq, t_s=self.clock.t_s, phase=phase, stop=stop, extra_s=extra_s))

    def load(self, van: str) -> None:
        """Everything that the van is to bring is scanned into it."""
        for stop in self.mail.newest(van).stops:
            for parcel in stop.deliver:
                self.scan(van, parcel.code, ScanPurpose.LOAD)

    def scan(self, van: str, code: str, purpose: ScanPurpose) -> None:
        self.tell(
            Scan(
                source=van,
                boot=1,
                seq=self._seq,
                t_s=self.clock.t_s,
                code=code,
                purpose=purpose,
                result=ScanResult.RIGHT,
            )
        )

    def visit(self, van: str, stop: str, outcome: Any, *, deliver: bool = True, began_s: float | None = None) -> None:
        planned = next(one for one in self.mail.newest(van).stops if one.stop == stop)
        codes = tuple(parcel.code for parcel in planned.deliver) if deliver else ()
        taken = tuple(parcel.code for parcel in planned.collect) if deliver else ()
        self.tell(
            Visit(
                source=van,
                boot=1,
                seq=self._seq,
                t_s=self.clock.t_s,
                stop=stop,
                outcome=Outcome(outcome),
                step=1,
                delivered=codes,
                collected=taken,
                began_s=self.clock.t_s - 120 if began_s is None else began_s,
            )
        )

    def odometer(self, van: str, km: float, *, soc: float | None = 80.0) -> None:
        self.tell(Vehicle(source=van, boot=1, seq=self._seq, t_s=self.clock.t_s, odometer_km=km, soc_percent=soc))

    # ------------------------------------------------------------ what is asked

    def post(self, path: str, body: object, *, status: int) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, resident: str, **fields: Any) -> dict[str, Any]:
        """One order as it is taken: what POST /api/orders answers of it."""
        body = {
            "supplier": "keuken",
            "resident": resident,
            "goods": "chilled_meal",
            "from_s": clock("09:00"),
            "to_s": clock("12:00"),
        }
        taken = self.post("/api/orders", {"orders": [body | fields]}, status=201)
        accepted: dict[str, Any] = taken["accepted"][0]
        return accepted

    def plan(self, reason: str = "ochtend") -> Any:
        """Ask for a plan and make it; gives what the API shows of it."""
        self.post(f"/api/days/{DAY}/plan", {"reason": reason}, status=202)
        assert self.dispatch.step(), self.dispatch.state
        return self.shown()

    def shown(self) -> Any:
        return self.get(f"/api/days/{DAY}/plan")

    def where(self) -> dict[str, str]:
        """Each planned address's van."""
        routes = self.shown()["routes"]
        return {
            stop["stop"]: route["van"]
            for route in routes
            for stop in route["stops"]
            if stop["kind"] not in ("reload", "charge", "fetch")
        }

    def route(self, van: str) -> list[str]:
        route = next(route for route in self.shown()["routes"] if route["van"] == van)
        return [stop["stop"] for stop in route["stops"]]


def directory(places: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """A hub with two vans, three suppliers, and a resident at each of `places`."""
    capacity = {"chilled": 20, "hot": 20, "ambient": 40, "parcels": 40, "laundry": 10, "seats": 2}
    return {
        "hubs": [{"id": "colmschate", "name": "Hub Colmschate", "lat": HUB[0], "lon": HUB[1]}],
        "vans": [
            {
                "id": van,
                "hub": "colmschate",
                "concierge": who,
                "capacity": capacity,
                "skills": ["medication"],
            }
            for van, who in (("van-1", "Ans"), ("van-2", "Bram"))
        ],
        "suppliers": [
            {"id": name, "name": name.title(), "lat": HUB[0], "lon": HUB[1], "approach_km": 4.0}
            for name in ("keuken", "apotheek", "wasserij")
        ],
        "residents": [
            {
                "id": f"k{number}",
                "name": f"Bewoner {number}",
                "street": "Proefstraat",
                "number": str(number),
                "lat": lat,
                "lon": lon,
                "hub": "colmschate",
                "usual_step": number % 4,
            }
            for number, (lat, lon) in enumerate(places)
        ],
    }
