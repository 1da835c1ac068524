"""A small hub and a small gateway that speak the pages' API over a made-up day: for looking at the pages, and for
browser tests of what the pages alone promise (offline, languages, contrast). `python -m tests.screens.stand_in` serves
both: the hub on port 8890, a van's gateway on 8891, a hub's gateway on 8892.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from pmtiles.reader import MmapSource, Reader
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from edge_gateway.contract.messages import HubManifest, PlannedParcel, PlannedStop, ScanResult, Span, VanPlan
from edge_gateway.page_messages import (
    PageCooler,
    PagePending,
    PageRecord,
    PageScan,
    PageState,
    PageVehicle,
    PageVisit,
    RecordsAnswer,
    RefusedRecord,
    ScanAnswer,
    ScanRequest,
)
from hub_backend import coldchain, shown
from hub_backend.api.coolers import CoolerPoint
from hub_backend.api.health import DispatchHealth, Health
from hub_backend.api.map import MapOut
from hub_backend.api.plan_routes import PlanRoute, PlanStop
from hub_backend.api.plans import PlanChange, PlanOut, PlanSummary, PlanUnserved
from routing.places import Point
from routing.roads import RoadGraph

ROOT = Path(__file__).resolve().parents[2]
HUB_PAGES = ROOT / "hub_backend/pages"
GATEWAY_PAGES = ROOT / "edge_gateway/page"
DAY = "2026-11-23"
EIGHT_S = 1795417200  # 2026-11-23 08:00 in Deventer
NOW_S = EIGHT_S + 2.6 * 3600
PEOPLE = ("Marieke Bos", "Hassan Yildiz", "Ria ten Have")
NAMES = ("mevr. De Wit", "dhr. Aksoy", "mevr. Jansen", "dhr. Boerman", "mevr. Ten Hove", "mevr. Pinas", "dhr. Visser")
GOODS = (
    ("chilled_meal", "chilled"),
    ("hot_meal", "hot"),
    ("medication_roll", "ambient"),
    ("groceries", "ambient"),
    ("parcel", "ambient"),
    ("letterbox_item", "ambient"),
    ("fridge_medication", "fridge"),
)
HINTS = (
    "",
    "",
    "Achterom, de bel doet het niet.",
    "Deur links van de garage.",
    "",
    "Even tijd geven, loopt met rollator.",
)


def _part(name: str, km: float, *, activity: float, unit: str, kg: float, kind: str, factor: str) -> dict[str, Any]:
    weight = {"wtw": kg, "ttw": kg * 0.76, "infrastructure": 0.0}
    return {
        **{"name": name, "km": km, "activity": activity, "unit": unit, "kind": kind, "source": "", "factor": factor},
        **{"edition": "2025", "kg": weight, "u95": 0.2},
    }


def _sum(parts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {name: sum(part["kg"][name] for part in parts) for name in ("wtw", "ttw", "infrastructure")}


_BASELINE = [
    _part("keuken-de-pan", 31.2, activity=2.81, unit="l", kg=9.13, kind="modelled", factor="diesel_b7"),
    _part("apotheek-de-linde", 18.4, activity=1.66, unit="l", kg=5.38, kind="modelled", factor="diesel_b7"),
    _part("supermarkt-boons", 22.9, activity=2.06, unit="l", kg=6.70, kind="modelled", factor="diesel_b7"),
]
_PROJECT = [
    _part(f"van-{n}", km, activity=km * 0.24, unit="kWh", kg=km * 0.058, kind="primary", factor="electricity_mix")
    for n, km in ((1, 14.2), (2, 11.7), (3, 9.9))
]
_INBOUND = [_part("keuken-de-pan", 12.0, activity=1.08, unit="l", kg=3.51, kind="default", factor="diesel_b7")]
FIGURES: dict[str, Any] = {
    "day": DAY,
    "contact": {
        "visits": 27,
        "contact": 17,
        "letterbox": 4,
        "outcomes": {
            "contact_door": 9,
            "contact_inside": 6,
            "contact_other_person": 2,
            "letterbox": 4,
            "neighbour": 2,
            "no_answer": 3,
            "refused": 1,
        },
        "steps": {"0": 2, "1": 6, "2": 3, "3": 6},
        "share": 17 / 21,
        "deliveries": 31,
        "parcels": 38,
        "collected": 6,
        "suppliers_per_visit": 1.4,
        "chores_done": 3,
        "rides_done": 1,
    },
    "stops": {"all": 60, "done": 21, "failed": 4, "cancelled": 1, "open": 34},
    "plans": 4,
    "replans": 3,
    "excursions": 1,
    "km": 35.8,
    "driven": [
        {"van": f"van-{n}", "km": km, "source": "odometer", "first_event": 1, "last_event": 9}
        for n, km in ((1, 14.2), (2, 11.7), (3, 9.9))
    ],
    "movements": {"baseline": 7, "project": 3, "inbound": 2, "avoided": 2},
    "co2e_saved_kg": 15.62,
    "co2": {
        **{"baseline": _BASELINE, "project": _PROJECT, "inbound": _INBOUND},
        **{"baseline_kg": _sum(_BASELINE), "project_kg": _sum(_PROJECT), "inbound_kg": _sum(_INBOUND)},
        **{
            "saved_kg": 15.62,
            "saved_ttw_kg": 11.9,
            "u95_kg": 4.1,
            "low_kg": 11.5,
            "high_kg": 19.7,
            "saved_with_infrastructure_kg": 15.4,
        },
        **{"baseline_km": 72.5, "project_km": 35.8, "inbound_km": 12.0, "primary_share": 0.09, "unknown": []},
        "factors": [],
        "method_nl": "Vergelijking volgens de methode van ISO 14083, niet gecertificeerd.",
        "method_en": "Comparison following the method of ISO 14083, not certified.",
        "assumptions": ["The hubs' electricity contract is unknown: grid mix."],
    },
}


class Live:
    """Tells every open stream; from any thread."""

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[tuple[str, str]], asyncio.AbstractEventLoop] = {}
        self._n = 0

    def tell(self, name: str, data: object) -> None:
        text = msgspec.json.encode(data).decode()
        for queue, loop in list(self._queues.items()):
            loop.call_soon_threadsafe(queue.put_nowait, (name, text))

    async def stream(self) -> AsyncGenerator[bytes]:
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._queues[queue] = asyncio.get_running_loop()
        yield b": here\n\n"
        try:
            while True:
                name, text = await queue.get()
                self._n += 1
                yield f"id: {self._n}\nevent: {name}\ndata: {text}\n\n".encode()
        finally:
            self._queues.pop(queue, None)


def _answer(data: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(data), status, media_type="application/json")


def _page(folder: Path, names: Mapping[str, str]) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        wanted = request.path_params["path"]
        path = folder / names.get(wanted, wanted)
        return FileResponse(path) if path.is_file() else Response("no such page", 404)

    return serve


@dataclass
class Gateway:
    """What a gateway holds, as far as its page sees it."""

    state: PageState
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: int = 0
    refuse: set[str] = field(default_factory=set)  # stops whose visits are refused
    live: Live = field(default_factory=Live)

    def change(self, **changes: Any) -> None:
        self.state = msgspec.structs.replace(self.state, version=self.state.version + 1, **changes)
        self.live.tell("state", self.state)

    async def get_state(self, _request: Request) -> Response:
        return _answer(self.state)

    async def get_live(self, _request: Request) -> Response:
        return StreamingResponse(self.live.stream(), media_type="text/event-stream")

    async def post_records(self, request: Request) -> Response:
        self.posts += 1
        stored: list[str] = []
        refused: list[RefusedRecord] = []
        for record in msgspec.json.decode(await request.body(), type=list[PageRecord]):
            if getattr(record, "stop", None) in self.refuse:
                refused.append(RefusedRecord(id=record.id, field="stop", reason="is no stop of today"))
                continue
            if record.id not in self.records:
                self.records[record.id] = msgspec.to_builtins(record)
                self._take(record)
            stored.append(record.id)
        return _answer(RecordsAnswer(stored=tuple(stored), refused=tuple(refused)))

    def _take(self, record: PageRecord) -> None:
        kind = msgspec.to_builtins(record)["kind"]
        if kind == "visit":
            visit = PageVisit(stop=record.stop, outcome=record.outcome, t_s=record.t_s or NOW_S)  # type: ignore[union-attr,arg-type]
            visits = (*self.state.visits, visit)
            done = {one.stop for one in visits}
            stops = self.state.plan.stops if isinstance(self.state.plan, VanPlan) else ()
            next_stop = next((one.stop for one in stops if not one.done and one.stop not in done), None)
            self.change(visits=visits, next_stop=next_stop, at_stop=None)
        else:
            self.change(phase=record.phase)  # type: ignore[union-attr]

    async def post_scans(self, request: Request) -> Response:
        scan = msgspec.json.decode(await request.body(), type=ScanRequest)
        plan = self.state.plan
        known = {p.code: s for s in plan.stops for p in s.deliver} if isinstance(plan, VanPlan) else {}
        if scan.code in known:
            again = scan.code in self.state.loaded
            result = ScanResult.ALREADY_SCANNED if again else ScanResult.RIGHT
            words = "Dit pakket is al geladen." if again else f"Goed: {known[scan.code].address}."
            self.change(loaded=(*self.state.loaded, scan.code))
        elif isinstance(plan, VanPlan) and scan.code in plan.elsewhere:
            result, words = ScanResult.WRONG_VAN, f"Hoort in bus {plan.elsewhere[scan.code][-1]}."
        else:
            result, words = ScanResult.UNKNOWN, "Deze code staat vandaag in geen enkele bus."
        self.change(last_scan=PageScan(t_s=NOW_S, code=scan.code, purpose="load", result=result, words=words))  # type: ignore[arg-type]
        return _answer(ScanAnswer(result=result, words=words, code=scan.code))

    def web(self) -> Starlette:
        routes = [
            Route("/api/state", self.get_state),
            Route("/api/live", self.get_live),
            Route("/api/records", self.post_records, methods=["POST"]),
            Route("/api/scans", self.post_scans, methods=["POST"]),
            Route("/{path:path}", _page(GATEWAY_PAGES, {"": "index.html"})),
        ]
        return Starlette(routes=routes)


@dataclass
class Hub:
    """What a hub answers: filled by `made_up_day`, in the hub's own models."""

    map_dir: Path
    plan: PlanOut
    history: list[PlanSummary]
    vans: list[shown.Van]
    coolers: list[shown.Cooler]
    series: dict[str, list[CoolerPoint]]
    excursions: list[shown.Excursion]
    figures: dict[str, Any]
    posts: list[tuple[str, Any]] = field(default_factory=list)
    live: Live = field(default_factory=Live)

    def tell(self, name: str, model: BaseModel) -> None:
        self.live.tell(name, model.model_dump())

    async def get(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/api/")
        if path == "live":
            return StreamingResponse(self.live.stream(), media_type="text/event-stream")
        if path.startswith("coolers/"):
            return _models(self.series[path.removeprefix("coolers/").removesuffix("/series")])
        info = json.loads((self.map_dir / "map.json").read_text())
        answers: dict[str, Any] = {
            "health": self.health(),
            "map": MapOut(
                name=info["name"],
                bounds=info["bounds"],
                attribution="© OpenStreetMap contributors",
                min_zoom=10,
                max_zoom=16,
            ),
            "vans": self.vans,
            "coolers": self.coolers,
            "excursions": self.excursions,
            f"days/{DAY}/plan": self.plan,
            f"days/{DAY}/plans": self.history,
            f"days/{DAY}/figures": self.figures,
        }
        return _models(answers[path]) if path in answers else _models({"detail": "not found"}, 404)

    def health(self) -> Health:
        return Health(
            status="ok",
            now_s=NOW_S,
            broker_connected=True,
            events=1,
            rejected=0,
            followers={},
            ingest_idle_s=0.1,
            dispatch=DispatchHealth(),
            live_listeners=1,
            rss_mb=90.0,
        )

    async def post(self, request: Request) -> Response:
        path, body = request.url.path.removeprefix("/api/"), json.loads(await request.body())
        self.posts.append((path, body))
        if path.endswith("/close"):
            id_ = path.removeprefix("excursions/").removesuffix("/close")
            self.excursions = [
                one.model_copy(update={**body, "closed_by": body["by"], "closed_s": NOW_S}) if one.id == id_ else one
                for one in self.excursions
            ]
            self.tell("excursion", next(one for one in self.excursions if one.id == id_))
        if path.endswith("/lock"):
            for stop in (stop for route in self.plan.routes for stop in route.stops):
                if stop.stop == path.split("/")[1]:
                    stop.locked = body["locked"]
            self.tell("plan", self.history[-1])
        if path == "orders":
            fault = {"index": 0, "field": "street", "reason": "unknown address"}
            return _models({"accepted": [], "rejected": [fault]}, 422)
        return _models({})

    async def tile(self, request: Request) -> Response:
        z, x, y = (int(request.path_params[name]) for name in "zxy")
        with (self.map_dir / "basemap.pmtiles").open("rb") as file:
            tile = Reader(MmapSource(file)).get(z, x, y)
        if tile is None:
            return Response(status_code=204)
        return Response(tile, media_type="application/x-protobuf", headers={"content-encoding": "gzip"})

    def web(self) -> Starlette:
        names = {"": "index.html", "coolers": "coolers.html", "figures": "figures.html"}
        routes = [
            Route("/basemap/{z:int}/{x:int}/{y:int}", self.tile),
            Route("/api/{path:path}", self.post, methods=["POST"]),
            Route("/api/{path:path}", self.get),
            Route("/{path:path}", _page(HUB_PAGES, names)),
        ]
        return Starlette(routes=routes)


def _models(data: Any, status: int = 200) -> Response:
    if isinstance(data, list):
        data = [one.model_dump() for one in data]
    return _answer(data.model_dump() if isinstance(data, BaseModel) else data, status)


@dataclass(frozen=True)
class Address:
    text: str
    lat: float
    lon: float


def _addresses(map_dir: Path) -> list[Address]:
    rows = (map_dir / "addresses.csv").read_text().splitlines()[1:]
    cells = [row.split(",") for row in rows]
    return [Address(f"{street} {number}", float(lat), float(lon)) for street, number, _, lat, lon in cells]


def _route(van: int, addresses: Sequence[Address], start: Point, graph: RoadGraph, rng: random.Random) -> PlanRoute:
    ordered = sorted(addresses, key=lambda one: (round((one.lat - start.lat) * 120), one.lon))
    t_s, here = float(EIGHT_S + 2700), start
    stops: list[PlanStop] = []
    line: list[tuple[float, float]] = []
    metres = 0.0
    for index, address in enumerate([*ordered, Address("hub", start.lat, start.lon)]):
        there = Point(address.lat, address.lon)
        way = graph.path(here, there)
        if way is not None:
            line += [(round(p.lon, 6), round(p.lat, 6)) for p in way.points]
            t_s += way.seconds * 1.6
            metres += way.metres
        here = there
        if index == len(ordered):
            break
        service_s = rng.choice((180, 240, 420, 900))
        over = t_s + service_s < NOW_S - van * 300
        window = int(t_s // 3600) * 3600
        to_s = window + rng.choice((3600, 7200)) - (2000 if index == 11 else 0)
        stops.append(
            PlanStop(
                stop=f"s{van}{index:02}",
                kind="visit",
                client=f"c{van}{index:02}",
                address=address.text,
                lat=address.lat,
                lon=address.lon,
                arrive_s=t_s,
                start_s=t_s,
                depart_s=t_s + service_s,
                window_from_s=window,
                window_to_s=to_s,
                state=("failed" if index == 4 else "done") if over else "open",
                locked=index == 9,
                late=not over and t_s > to_s,
                orders=[f"o{van}{index:02}"],
            )
        )
        t_s += service_s + 40
    return PlanRoute(
        van=f"van-{van}",
        hub="colmschate",
        concierge=PEOPLE[van - 1],
        in_service=True,
        start_s=EIGHT_S + 2700,
        end_s=t_s,
        distance_m=round(metres),
        drive_s=5000,
        soc_end_percent=44.0,
        stops=stops,
        geometry=line,
    )


def made_up_day(map_dir: Path, *, seed: int = 7) -> tuple[Hub, Gateway, Gateway]:
    """The hub, van 1's gateway and a hub's gateway in the middle of a morning."""
    rng = random.Random(seed)
    graph = RoadGraph.load(map_dir)
    info = json.loads((map_dir / "map.json").read_text())
    hubs = [Point(site["lat"], site["lon"]) for site in info["sites"] if site["kind"] == "hub"]
    every = rng.sample(_addresses(map_dir), 60)
    routes = [_route(van, every[(van - 1) * 20 : van * 20], hubs[van % len(hubs)], graph, rng) for van in (1, 2, 3)]
    history = _history(routes)
    coolers, series = _coolers(rng)
    hub = Hub(
        map_dir=map_dir,
        plan=PlanOut(
            **history[0].model_dump(),
            routes=routes,
            left=[
                PlanUnserved(
                    stop="s999", client="c9", address="Lijsterstraat 3", reason="geen bus op tijd terug voor 11:00"
                )
            ],
            notes=[],
        ),
        history=history,
        vans=[_van(route, index) for index, route in enumerate(routes)],
        coolers=coolers,
        series=series,
        excursions=[
            shown.Excursion(
                id=f"van-2/cooler@{NOW_S - 600:.0f}",
                source="van-2/cooler",
                rule="warm_7",
                limit_c=7.0,
                began_s=NOW_S - 1500,
                opened_s=NOW_S - 600,
                extreme_c=9.3,
                recovered_s=None,
                closed_s=None,
                closed_by="",
                comment="",
                disposition="",
                escalated=False,
            )
        ],
        figures=FIGURES,
    )
    return hub, Gateway(_van_state(routes[0], rng)), Gateway(_hub_state(routes, rng))


def _history(routes: Sequence[PlanRoute]) -> list[PlanSummary]:
    def change(route: int, stop: int, kind: str, words: str) -> PlanChange:
        there = routes[route].stops[stop]
        return PlanChange(
            stop=there.stop, kind=kind, van_before=None, van_after=None, shift_s=None, words=f"{there.address}: {words}"
        )

    plans: list[tuple[float, str, list[PlanChange]]] = [
        (EIGHT_S - 1800, "Ochtendplanning", []),
        (EIGHT_S + 4000, "Nieuwe order van Apotheek De Linde", [change(2, 3, "added", "nieuw, bij bus 3")]),
        (EIGHT_S + 6100, "Lang gesprek bij bus 1 (+15 min)", []),
        (
            NOW_S - 240,
            "Mevr. Pinas niet thuis: nog eens langs na 12:00",
            [
                change(0, 12, "moved", "van bus 2 naar bus 1"),
                change(1, 12, "later", "18 minuten later, blijft binnen 12:00–13:00"),
            ],
        ),
    ]
    return [
        PlanSummary(
            id=f"p{revision}",
            day=DAY,
            revision=revision,
            made_s=made_s,
            reason=reason,
            engine="pyvrp",
            seed=1,
            problem_hash="0" * 64,
            solve_s=0.4,
            stops=60,
            unserved=1,
            distance_m=74000,
            triggers=[],
            changes=changes,
        )
        for revision, (made_s, reason, changes) in reversed(list(enumerate(plans, 1)))
    ]


def _van(route: PlanRoute, index: int) -> shown.Van:
    following = next((stop for stop in route.stops if stop.state == "open"), route.stops[-1])
    line = route.geometry
    near = min(range(len(line)), key=lambda i: abs(line[i][0] - following.lon) + abs(line[i][1] - following.lat))
    lon, lat = line[max(0, near - 14)]
    return shown.Van(
        id=route.van,
        hub=route.hub,
        concierge=route.concierge,
        in_service=True,
        out_reason="",
        online=True,
        fix_s=NOW_S - (3 if index < 2 else 190),
        fix="3d",
        stale=index == 2,
        lat=lat,
        lon=lon,
        speed_m_s=6.0 if index == 0 else 0.0,
        heading_deg=75.0,
        soc_percent=(71.0, 64.5, 38.0)[index],
        plugged=False,
        phase="under_way" if index == 0 else "arrived",
        stop=following.stop,
    )


def _coolers(rng: random.Random) -> tuple[list[shown.Cooler], dict[str, list[CoolerPoint]]]:
    coolers: list[shown.Cooler] = []
    series: dict[str, list[CoolerPoint]] = {}
    for source, holds, base in (
        ("van-1/cooler", "chilled", 4.6),
        ("van-2/cooler", "chilled", 5.0),
        ("van-3/cooler", "chilled", 4.2),
        ("hub-colmschate/fridge", "fridge", 4.9),
        ("hub-diepenveen/fridge", "fridge", 5.2),
    ):
        warm, silent = source == "van-2/cooler", source == "van-3/cooler"
        points = []
        for i in range(142 if silent else 151):
            product = base + (max(0, i - 118) * 0.13 if warm else 0) + rng.gauss(0, 0.05)
            air = product + rng.gauss(0, 0.3) + (2.5 if i % 37 < 3 else 0)
            points.append(CoolerPoint(t_s=NOW_S - 60 * (150 - i), product_mean_c=product, air_mean_c=air))
        series[source] = points
        gateway, node = source.split("/")
        coolers.append(
            shown.Cooler(
                source=source,
                gateway=gateway,
                node=node,
                holds=holds,
                limits=[
                    shown.Limit(
                        rule=rule.name, side=rule.side, limit_c=rule.limit_c, delay_s=rule.delay_s, level=rule.level
                    )
                    for rule in coldchain.RULES[holds]
                ],
                state="unknown" if silent else "alarm" if warm else "ok",
                t_s=points[-1].t_s,
                air_c=points[-1].air_mean_c,
                product_c=points[-1].product_mean_c,
                lid_open=warm,
                lid_s=NOW_S - 1600,
                period_s=60,
                lost_since_s=None,
                unknown_s=540 if silent else 0,
                gaps=[],
                unverified=False,
                node_alarm="lid_open" if warm else None,
                node_alarm_s=NOW_S - 1400 if warm else None,
            )
        )
    return coolers, series


def _parcel(rng: random.Random, *, letterbox: bool = True) -> PlannedParcel:
    goods, temp = rng.choice(GOODS if letterbox else GOODS[:5])
    code = "BZ1" + "".join(rng.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=10))
    return PlannedParcel(code=code, goods=goods, temp_class=temp, supplier="keuken-de-pan")  # type: ignore[arg-type]


def _stops(route: PlanRoute, rng: random.Random) -> tuple[PlannedStop, ...]:
    return tuple(
        PlannedStop(
            stop=stop.stop,
            kind="visit",
            name=NAMES[index % len(NAMES)],
            address=stop.address,
            lat=stop.lat,
            lon=stop.lon,
            arrive_s=stop.arrive_s,
            depart_s=stop.depart_s,
            window_from_s=stop.window_from_s,
            window_to_s=stop.window_to_s,
            service_s=240,
            usual_step=rng.choice((0, 1, 2, 3)),
            letterbox_allowed=index % 3 == 0,
            hint=HINTS[index % len(HINTS)],
            chores=("lamp verwisselen",) if index == 8 else (),
            deliver=tuple(_parcel(rng) for _ in range(1 + index % 2)),
            collect=(
                PlannedParcel(code=f"BZ1C{index:08}", goods="laundry_dirty", temp_class="ambient", supplier="helder"),
            )
            if index % 5 == 3
            else (),
            done=stop.state != "open",
            locked=stop.locked,
        )
        for index, stop in enumerate(route.stops)
    )


def _van_state(route: PlanRoute, rng: random.Random) -> PageState:
    stops = _stops(route, rng)
    plan = VanPlan(
        plan="p4",
        revision=4,
        made_s=NOW_S - 240,
        day=DAY,
        van="van-1",
        concierge=PEOPLE[0],
        reason="Nieuwe order van Apotheek De Linde",
        changes=(f"{stops[8].address}: van bus 2 naar bus 1",),
        stops=stops,
        elsewhere={"BZ1VANTWEE000": "van-2"},
    )
    loaded = tuple(parcel.code for stop in stops[:-3] for parcel in stop.deliver)
    return PageState(
        version=1,
        gateway="van-1",
        org="buurenzo",
        hub="colmschate",
        role="van",
        now_s=NOW_S,
        plan=plan,
        phase="under_way",
        next_stop=next(stop.stop for stop in stops if not stop.done),
        visits=tuple(
            PageVisit(
                stop=stop.stop,
                outcome=rng.choice(("contact_door", "contact_inside", "letterbox", "no_answer")),
                t_s=NOW_S,
            )  # type: ignore[arg-type]
            for stop in stops
            if stop.done
        ),
        loaded=loaded,
        driving=False,
        vehicle=PageVehicle(t_s=NOW_S, soc_percent=71.0),
        coolers=(
            PageCooler(
                source="van-1/cooler", t_s=NOW_S, air=Span(4.9, 4.1, 6.2), product=Span(4.4, 4.2, 4.7), lid_open=False
            ),
        ),
        pending=PagePending(business=0, telemetry=12),
        hub_connected=True,
    )


def _hub_state(routes: Sequence[PlanRoute], rng: random.Random) -> PageState:
    parcels = [_parcel(rng) for _ in range(34)]
    suppliers = ("keuken-de-pan", "apotheek-de-linde", "supermarkt-boons", "wasserij-helder", "pakketpunt-oost")
    parcels = [msgspec.structs.replace(parcel, supplier=suppliers[i % 5]) for i, parcel in enumerate(parcels)]
    return PageState(
        version=1,
        gateway="hub-colmschate",
        org="buurenzo",
        hub="colmschate",
        role="hub",
        now_s=NOW_S,
        plan=HubManifest(
            plan="p4",
            revision=4,
            made_s=NOW_S,
            day=DAY,
            parcels=tuple(parcels),
            vans={parcel.code: rng.choice(routes).van for parcel in parcels[:-3]},
        ),
        loaded=tuple(parcel.code for parcel in parcels[:19]),
        coolers=(
            PageCooler(source="hub-colmschate/fridge", t_s=NOW_S, air=Span(4.9, 4.1, 6.2), product=Span(5.1, 4.2, 5.4)),
        ),
        pending=PagePending(business=3, telemetry=0),
        hub_connected=False,
    )


class Server:
    """A web application on a free (or the given) port of loopback, in a thread; `app` may be replaced at any time."""

    def __init__(self, app: ASGIApp | None = None, port: int = 0) -> None:
        self.app: ASGIApp | None = app
        config = uvicorn.Config(
            self._serve,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            lifespan="off",
            interface="asgi3",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    def __enter__(self) -> "Server":
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the stand-in did not start within 10 s")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(5)

    @property
    def url(self) -> str:
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://localhost:{port}"


if __name__ == "__main__":
    import sys

    hub, van, depot = made_up_day(Path(sys.argv[1]))
    with Server(hub.web(), 8890), Server(van.web(), 8891), Server(depot.web(), 8892):
        threading.Event().wait()
