"""A day that really runs, half past nine in the morning: what browser tests look at.

A broker, the hub, van 1's gateway and a hub's gateway are processes as they are in service. They are fed as they are
in service: orders over the hub's API; scans and taps over the gateways' pages; fixes, the van's bus and coolers over
serial lines; vans 2 and 3 over the broker. Only the world's clock stands still at 09:36, so that what is tested does
not hang on how fast the machine is. `python -m tests.screens.running_day` serves such a day, for looking at its pages.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge_gateway.contract import messages, topics
from edge_gateway.contract.clock import ClockPage
from edge_gateway.contract.messages import (
    AnyEvent,
    Cooler,
    HubManifest,
    Lane,
    Lid,
    Outcome,
    Position,
    Presence,
    Scan,
    ScanPurpose,
    ScanResult,
    Span,
    Tour,
    Vehicle,
    Visit,
)
from edge_gateway.contract.sealing import new_key
from hub_backend.simulator import slcan
from hub_backend.simulator.broker import choose_broker, find_server
from hub_backend.simulator.day import Day, local_s, make_day
from hub_backend.simulator.directory import directory
from hub_backend.simulator.installation import toml
from hub_backend.simulator.neighbourhood import Neighbourhood, read_addresses, settle
from hub_backend.simulator.nmea import Fix
from hub_backend.simulator.staff import order_record
from routing import atlas, neighbourhood
from tests.edge_gateway.rig import can_connect, end, serial_line
from tests.edge_gateway.test_serial_nodes import Twin
from tests.free_port import free_port, free_ports
from tests.hub_backend.gateway_twin import GatewayTwin
from tests.screens.served import GatewayProcess, Served, http, wait_until

DAY = "2026-11-23"
SEED = 7
NOW_S = local_s(DAY, "09:36")
DEBOUNCE_S = 5.0
GATEWAYS = {
    "van-1": ("noord", "van"),
    "van-2": ("noord", "van"),
    "van-3": ("zuid", "van"),
    "hub-noord": ("noord", "hub"),
    "hub-zuid": ("zuid", "hub"),
}
DOORS = (
    *((Outcome.CONTACT_DOOR, 1), (Outcome.CONTACT_INSIDE, 3), (Outcome.CONTACT_DOOR, 2), (Outcome.NEIGHBOUR, None)),
    *((Outcome.CONTACT_DOOR, 0), (Outcome.CONTACT_OTHER_PERSON, 1), (Outcome.CONTACT_INSIDE, 3)),
)
LOST_FROM_SIGHT_S = 190.0
SILENT_S = 540.0


AnyServed = TypeVar("AnyServed", bound=Served)


def sign(twin: GatewayTwin, *, online: bool) -> None:
    """The gateway is there, or its last will says that it is not."""
    topic = twin.address.topic(topics.PRESENCE)
    said = messages.encode(Presence(online=online, boot=1, t_s=NOW_S, software="0.1.0"))
    twin.client.publish(topic, twin.seal.close(said, topic=topic), qos=1, retain=True)


class RunningDay:
    """The whole neighbourhood's installation; `close` ends every process."""

    def __init__(self, folder: Path, map_dir: Path, *, first_port: int | None = None) -> None:
        self.folder = folder
        self.map_dir = map_dir
        self._stack = ExitStack()
        self._keys = {name: new_key() for name in GATEWAYS}
        self._port = first_port or free_ports(8)
        self._mqtt_port = free_port()
        self.clock = ClockPage(folder / "clock", start_s=local_s(DAY, "07:45"))
        self.place: Neighbourhood = settle(
            read_addresses(map_dir), atlas.read_info(map_dir).sites, residents=64, seed=SEED
        )
        self.script: Day = make_day(self.place, day=DAY, seed=SEED)
        self.codes: dict[str, list[str]] = {}  # of a stop: what is to be handed over there
        self.visited: set[str] = set()
        self.meal_stop = ""  # the stop with the meal that is in van 2 still
        self._events: dict[tuple[str, Lane], list[AnyEvent]] = {}

    def open(self) -> "RunningDay":
        try:
            self._start_broker()
            self.hub = self._start_hub()
            self._order()
            self.van = self._start_van_1()
            self.depot = self._start_depot()
            self.twins = {name: self._twin(name) for name in ("van-2", "van-3", "hub-zuid")}
            self._load()
            self._drive_out()
            self._plan_live()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        self._stack.close()

    # ------------------------------------------------------------ what runs

    def _start_broker(self) -> None:
        broker = choose_broker(port=self._mqtt_port, config_dir=self.folder, mosquitto=find_server("mosquitto"))
        process = subprocess.Popen(broker.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._stack.callback(end, process)
        wait_until(lambda: can_connect(self._mqtt_port))

    def _start_hub(self) -> Served:
        settings: dict[str, object] = {
            "org": "buurenzo",
            "database_url": f"sqlite:///{self.folder / 'hub.sqlite'}",
            "mqtt_port": self._mqtt_port,
            "http_port": self._port,
            "clock_page": self.folder / "clock",
            "map_dir": self.map_dir,
            "poll_s": 0.02,
            "solve_morning_s": 1.0,
            "solve_live_s": 0.2,
            "solve_iterations": 300,  # as good a plan however busy the machine is
            "debounce_s": DEBOUNCE_S,
            "gateways": {
                name: {"hub": hub, "role": role, "key": self._keys[name]} for name, (hub, role) in GATEWAYS.items()
            },
        }
        file = self.folder / "hub.toml"
        file.write_text('hubs = ["noord", "zuid"]\n' + toml(settings))
        return self._serve(
            Served(
                f"http://localhost:{self._port}",
                (sys.executable, "-m", "hub_backend", "--config", str(file)),
                self.folder / "hub.log",
            )
        )

    def _serve(self, one: AnyServed) -> AnyServed:
        self._stack.callback(one.stop)
        one.start()
        return one

    def _gateway(self, name: str, port: int, **settings: object) -> GatewayProcess:
        hub, role = GATEWAYS[name]
        whole: dict[str, object] = {
            **{"org": "buurenzo", "hub": hub, "gateway": name, "role": role, "key": self._keys[name]},
            **{"mqtt_host": "127.0.0.1", "mqtt_port": self._mqtt_port, "http_port": port},
            **{"telemetry_commit_s": 0.05, "log_level": "warning"},
            "clock_page": self.folder / "clock",
            "data_dir": self.folder / name,
            **settings,
        }
        data_dir = Path(str(whole["data_dir"]))
        data_dir.mkdir(parents=True, exist_ok=True)
        file = data_dir / "gateway.toml"
        file.write_text(toml(whole))
        command = (sys.executable, "-m", "edge_gateway", "--config", str(file))
        return GatewayProcess(f"http://localhost:{port}", command, data_dir / "log", name=name, data_dir=data_dir)

    def _start_van_1(self) -> GatewayProcess:
        tty = self.folder / "tty"
        tty.mkdir()
        lines = {name: self._stack.enter_context(serial_line(tty / name)) for name in ("gps", "can", "cooler")}
        van = self._gateway(
            "van-1",
            self._port + 1,
            gps=f"nmea:{lines['gps'].path}",
            vehicle_can=f"slcan:{lines['can'].path}",
            fix_timeout_s=600.0,
            nodes=[{"name": "cooler", "kind": "cooler", "port": str(lines["cooler"].path)}],
        )
        van.lines = lines
        self._serve(van)
        wait_until(lambda: van.state().plan is not None)
        return van

    def _start_depot(self) -> GatewayProcess:
        line = self._stack.enter_context(serial_line(self.folder / "tty/fridge"))
        depot = self._gateway(
            "hub-noord",
            self._port + 2,
            nodes=[{"name": "fridge", "kind": "cooler", "port": str(line.path)}],
        )
        depot.lines = {"cooler": line}
        self._serve(depot)
        wait_until(lambda: depot.state().plan is not None)
        return depot

    def _twin(self, name: str) -> GatewayTwin:
        twin = GatewayTwin(self._mqtt_port, name=name, hub=GATEWAYS[name][0], key=self._keys[name])
        self._stack.callback(twin.close)
        twin.wait_until_connected()
        sign(twin, online=True)
        return twin

    @contextmanager
    def alone(self, name: str) -> Iterator[GatewayProcess]:
        """A copy of a gateway as it stands, beyond the reach of its hub, with its own disk, clock and receiver."""
        original = {"van-1": self.van, "hub-noord": self.depot}[name]
        folder = self.folder / f"alone-{os.urandom(4).hex()}"
        folder.mkdir()
        for file in original.data_dir.glob("*.sqlite"):
            with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(folder / file.name)) as copy:
                source.backup(copy)
        port = free_port()
        world = ClockPage(folder / "clock", start_s=NOW_S)
        with serial_line(folder / "gps") as gps:
            one = self._gateway(
                name,
                port,
                data_dir=folder,
                clock_page=folder / "clock",
                mqtt_port=free_port(),
                gps=f"nmea:{gps.path}" if name.startswith("van") else None,
            )
            one.lines, one.world = {"gps": gps}, world
            one.start()
            try:
                yield one
            finally:
                one.kill()
                shutil.rmtree(folder)

    # ------------------------------------------------------------ what happens

    def at(self, t_s: float) -> None:
        """The world's time is `t_s`, and stays."""
        self.clock.run(world_s=t_s, rate=0.0, limit_s=t_s)

    def _order(self) -> None:
        begins_s = local_s(DAY, "07:45")
        self.hub.post("/api/directory", directory(self.place, self.script))
        wishes = [wish for wish in self.script.wishes if wish.at_s == 0.0]
        self._take(self.hub.post("/api/orders", {"orders": [order_record(wish, DAY) for wish in wishes]}))
        self._share()
        for delivery in self.script.deliveries:
            record = {"id": delivery.id, "supplier": delivery.supplier, "hub": delivery.hub, "t_s": delivery.t_s}
            self.hub.post("/api/shipments", record)
        self.hub.post(f"/api/days/{DAY}/plan", {"reason": ""})
        self.at(begins_s + DEBOUNCE_S + 1)
        self._planned(1)

    def _share(self) -> None:
        """The planner gives vans 1 and 2 a part of the morning each, so that all three are under way at 09:36.

        Van 1 gets two addresses of the afternoon as well, whose goods have not come in yet: whatever plan is found, it
        has something to load, and an address with a letterbox ahead as well as one without. Van 2 gets a chilled meal
        that is in its cooler still at 09:36.
        """
        stops = [stop for stop in self.hub.get(f"/api/days/{DAY}/stops") if stop["hub"] == "noord"]
        early = [stop for stop in stops if stop["window_to_s"] <= local_s(DAY, "10:30")]
        for number, stop in enumerate(early[:10]):
            self._give(stop["id"], ("van-1", "van-2")[number % 2])
        groceries = (stop for stop in stops if stop["window_from_s"] >= local_s(DAY, "13:00"))
        self._give(next(stop["id"] for stop in groceries if self.codes[stop["id"]]), "van-1")
        post = {
            **{"id": "post-na-de-middag", "supplier": "pakketpunt-oost", "resident": early[0]["client"], "day": DAY},
            **{"kind": "delivery", "goods": "letterbox_item", "letterbox_allowed": True},
            **{"from_s": local_s(DAY, "14:00"), "to_s": local_s(DAY, "16:00"), "release_s": local_s(DAY, "12:50")},
        }
        meal = {
            **{"id": "maaltijd-om-tien-uur", "supplier": "keuken-de-pan", "resident": early[1]["client"], "day": DAY},
            **{"kind": "delivery", "goods": "chilled_meal"},
            **{"from_s": local_s(DAY, "09:50"), "to_s": local_s(DAY, "10:30")},
        }
        answer = self.hub.post("/api/orders", {"orders": [post, meal]})
        self._take(answer)
        for accepted, van in zip(answer["accepted"], ("van-1", "van-2"), strict=True):
            self._give(accepted["stop"], van)
        self.meal_stop = answer["accepted"][1]["stop"]

    def _give(self, stop: str, van: str) -> None:
        self.hub.post(f"/api/stops/{stop}/lock", {"locked": True, "van": van})

    def _take(self, answer: Mapping[str, Any]) -> None:
        assert not answer["rejected"], answer
        for accepted in answer["accepted"]:
            codes = [parcel["code"] for parcel in accepted["parcels"] if parcel["direction"] == "deliver"]
            self.codes.setdefault(accepted["stop"], []).extend(codes)

    def _planned(self, revision: int) -> None:
        wait_until(lambda: (self.plan() or {"revision": 0})["revision"] >= revision, within_s=120)

    def plan(self) -> dict[str, Any] | None:
        """The plan that holds, as the hub tells it."""
        answer = http().get(f"{self.hub.url}/api/days/{DAY}/plan")
        found: dict[str, Any] | None = answer.json() if answer.is_success else None
        return found

    def route(self, van: str) -> dict[str, Any]:
        plan = self.plan()
        assert plan is not None
        found: dict[str, Any] = next(route for route in plan["routes"] if route["van"] == van)
        return found

    def _load(self) -> None:
        """Goods come in at the hub, and vans 1 and 2 are loaded."""
        self.at(local_s(DAY, "08:25"))
        manifest = self.depot.state().plan
        assert isinstance(manifest, HubManifest)
        for parcel in manifest.parcels[: len(manifest.parcels) * 2 // 3]:
            self.depot.post("/api/scans", {"code": parcel.code, "purpose": "intake"})
        stops = self.van.plan.stops
        first_trip = [stop.kind for stop in stops].index("reload") if any(s.kind == "reload" for s in stops) else None
        for stop in stops[:first_trip]:
            for parcel in stop.deliver:
                self.van.post("/api/scans", {"code": parcel.code, "purpose": "load"})
        loaded_s = local_s(DAY, "08:25")
        first = takewhile(lambda stop: stop["kind"] != "reload", self.route("van-2")["stops"])
        for stop in dict.fromkeys((*(stop["stop"] for stop in first), self.meal_stop)):
            for code in self.codes.get(stop, ()):
                scan = {"code": code, "purpose": ScanPurpose.LOAD, "result": ScanResult.RIGHT}
                self._tell(Lane.BUSINESS, Scan(source="van-2/scanner", boot=1, seq=0, t_s=loaded_s, **scan))  # type: ignore[arg-type]

    def _drive_out(self) -> None:
        """Until 09:36: visits behind the vans, readings of all coolers, and where everybody is."""
        self._show_dashboard(local_s(DAY, "08:28"), slcan.Dashboard(91.0, 18234.0, 0.0, plugged=False))
        self.at(NOW_S - 240)
        begins_s = local_s(DAY, "08:30")
        for van in ("van-1", "van-2", "van-3"):
            route = self.route(van)
            self._tour(van, "started", begins_s)
            self._tour(van, "departed_hub", begins_s + 300)
            over = [stop for stop in route["stops"] if stop["depart_s"] < NOW_S - 120]
            for number, stop in enumerate(over):
                self._visit(van, stop, number)
            self._stand(van, over[-1], driven_km=3.1 * len(over))
        self._cool()
        self._heard()
        self.at(NOW_S - 2 * DEBOUNCE_S)
        self._planned(2)

    def _tour(self, van: str, phase: str, t_s: float, stop: str | None = None) -> None:
        if van == "van-1":
            self.van.tap({"kind": "tour", "phase": phase, "t_s": t_s, "stop": stop})
        else:
            self._tell(Lane.BUSINESS, Tour(source=van, boot=1, seq=0, t_s=t_s, phase=phase, stop=stop))  # type: ignore[arg-type]

    def _visit(self, van: str, stop: Mapping[str, Any], number: int) -> None:
        if stop["kind"] in ("reload", "charge"):
            self._tour(van, "arrived", stop["arrive_s"], stop["stop"])
            self._tour(van, "departed_hub", stop["depart_s"])
            return
        outcome, step = DOORS[number % len(DOORS)]
        if van == "van-2" and number == 2:
            outcome, step = Outcome.NO_ANSWER, None
        elif stop["kind"] != "visit":
            outcome, step = Outcome.CONTACT_DOOR, None
        elif van == "van-3" and number % 3 == 1:
            outcome, step = Outcome.LETTERBOX, None
        handed_over = outcome not in (Outcome.NO_ANSWER, Outcome.REFUSED)
        self._tour(van, "arrived", stop["arrive_s"], stop["stop"])
        visit = {
            **{"stop": stop["stop"], "outcome": outcome, "step": step, "t_s": stop["depart_s"]},
            **{"began_s": stop["arrive_s"]},
            "delivered": tuple(self.codes.get(stop["stop"], ())) if handed_over else (),
        }
        self.visited.add(stop["stop"])
        if van == "van-1":
            self.van.tap({"kind": "visit", **visit, "delivered": list(visit["delivered"])})
        else:
            self._tell(Lane.BUSINESS, Visit(source=van, boot=1, seq=0, **visit))

    def _stand(self, van: str, last: Mapping[str, Any], *, driven_km: float) -> None:
        """Where the van is, what it has driven, and what is left in its battery."""
        lat, lon = last["lat"], last["lon"]
        first_s = local_s(DAY, "08:30")
        if van == "van-1":
            self._show_dashboard(NOW_S - 240, slcan.Dashboard(71.0, 18234.0 + driven_km, 0.0, plugged=False))
            self.at(NOW_S - 4 * DEBOUNCE_S)
            self.van.drive(Fix(NOW_S - 20, lat, lon))
            wait_until(lambda: self.van.state().position is not None)
            return
        here_s = NOW_S - (LOST_FROM_SIGHT_S if van == "van-3" else 20)
        fix = Position(source=van, boot=1, seq=0, t_s=here_s, fix="3d", lat=lat, lon=lon, speed_m_s=0.0)
        self._tell(Lane.TELEMETRY, fix)
        for t_s, odometer_km, soc_percent in ((first_s, 9120.0, 88.0), (here_s, 9120.0 + driven_km, 57.0)):
            values = {"soc_percent": soc_percent, "odometer_km": odometer_km, "plugged": False}
            self._tell(Lane.TELEMETRY, Vehicle(source=van, boot=1, seq=0, t_s=t_s, **values))  # type: ignore[arg-type]

    def _show_dashboard(self, t_s: float, shown: slcan.Dashboard) -> None:
        """Van 1's bus says this, until the gateway has told it: once in ten seconds of the world."""
        can, adapter = self.van.lines["can"], slcan.Adapter()
        for turn in range(15):
            can.send(adapter.answers(can.receive(), shown) + slcan.frames(shown))
            time.sleep(0.1)
            self.at(t_s + 11 * turn)
            ends_s = time.monotonic() + (0.6 if turn < 3 else 3.0)  # the first may fall between two readings
            while time.monotonic() < ends_s:
                vehicle = self.van.state().vehicle
                if vehicle is not None and vehicle.soc_percent == shown.soc_percent:
                    return
                time.sleep(0.02)
        raise TimeoutError(f"van-1 does not tell {shown}")

    def _cool(self) -> None:
        """Van 2's lid stood open, van 3's node is silent, the fridge at the other hub was warm before eight."""
        for minute in range(150):
            t_s = NOW_S - 60.0 * (150 - minute) - 4 * DEBOUNCE_S
            self._reading("van-2/cooler", t_s, 5.0 + 0.15 * max(0, minute - 118), lid_open_s=60 * (minute > 115))
            if t_s < NOW_S - SILENT_S:
                self._reading("van-3/cooler", t_s, 4.2 + 0.3 * (minute % 7 == 0))
            self._reading("hub-zuid/fridge", t_s, 5.1 if not 20 < minute < 50 else 8.6)
        self._tell(Lane.BUSINESS, Lid(source="van-2/cooler", boot=1, seq=0, t_s=NOW_S - 35 * 60, open=True))
        for gateway in (self.van, self.depot):
            self._node(gateway)

    def _node(self, gateway: GatewayProcess) -> None:
        """The firmware itself, on MicroPython, tells two minutes."""
        (self.folder / f"node-{gateway.name}").mkdir()
        node = Twin(self.folder / f"node-{gateway.name}", "cooler")
        self._stack.callback(node.kill)
        node.start(gateway.lines["cooler"])
        wait_until(lambda: gateway.state().nodes[0].online)
        for tick_ms in range(0, 130_000, 10_000):
            node.tell(tick_ms, "air=4.60 product=4.30 lid=0")
        wait_until(lambda: gateway.state().coolers[0].product.mean_c is not None)

    def _reading(self, source: str, t_s: float, product_c: float, *, lid_open_s: float = 0.0) -> None:
        air, product = Span(product_c + 0.4, product_c, product_c + 1.1), Span(product_c, product_c - 0.1, product_c)
        values = {"period_s": 60.0, "air": air, "product": product, "lid_open_s": lid_open_s}
        self._tell(Lane.TELEMETRY, Cooler(source=source, boot=1, seq=0, t_s=t_s, **values))  # type: ignore[arg-type]

    def _plan_live(self) -> None:
        """One more order comes in, and one that nobody can take any more."""
        late = [order_record(wish, DAY) for wish in self.script.wishes if wish.at_s > 0][:1]
        sample = order_record(self.script.wishes[0], DAY)
        hopeless = {**sample, "id": "te-laat", "from_s": NOW_S + 60, "to_s": NOW_S + 180, "release_s": NOW_S + 150}
        self._take(self.hub.post("/api/orders", {"orders": [*late, hopeless]}))
        plan = self.plan()
        assert plan is not None
        self.at(NOW_S)
        self._planned(plan["revision"] + 1)
        self._heard()
        wait_until(lambda: not self.hub.get("/api/health")["dispatch"]["solving"])
        newest = self.plan()
        assert newest is not None
        wait_until(lambda: self.van.plan.revision == newest["revision"])
        fridge = next(one for one in self.hub.get("/api/excursions") if one["source"] == "hub-zuid/fridge")
        closing_words = {"by": "Ria ten Have", "comment": "Deur stond op een kier.", "disposition": "released"}
        self.hub.post(f"/api/excursions/{fridge['id']}/close", closing_words)

    # ------------------------------------------------------------ over the broker

    def _tell(self, lane: Lane, event: AnyEvent) -> None:
        """An event of a gateway that is played: numbered as its outbox would."""
        queue = self._events.setdefault((event.source.partition("/")[0], lane), [])
        mine = sum(1 for events in self._events.values() for one in events if one.source == event.source)
        queue.append(msgspec.structs.replace(event, seq=mine))

    def _heard(self) -> None:
        """All that was told is in the record, and the record has been followed to its end."""
        for (name, lane), events in self._events.items():
            self.twins[name].deliver(events, lane=lane, size=40)
        for gateway in (self.van, self.depot):
            wait_until(lambda one=gateway: one.get("/api/health")["outbox"]["business"] == 0)
        wait_until(lambda: not any(self.hub.get("/api/health")["followers"].values()), within_s=60)

    def tell(self, event: AnyEvent, *, lane: Lane = Lane.TELEMETRY) -> None:
        """An event of van 2, van 3 or the other hub, now."""
        self._tell(lane, event)
        name = event.source.partition("/")[0]
        self.twins[name].deliver(self._events[name, lane], lane=lane)

    def recorded_visits(self, stop: str) -> list[dict[str, Any]]:
        """What the hub's record holds of visits at a stop."""
        found: list[dict[str, Any]] = []
        after = 0
        while page := self.hub.get(f"/api/events?after_id={after}&limit=2000"):
            found += [row["event"] for row in page if row["event"]["kind"] == "visit" and row["event"]["stop"] == stop]
            after = page[-1]["id"]
        return found


def serve(folder: Path, map_dir: Path, say: Callable[[str], object]) -> None:
    """Such a day to look at, until it is interrupted."""
    day = RunningDay(folder, map_dir, first_port=9300).open()
    say(f"hub {day.hub.url}   van 1 {day.van.url}   hub Noord {day.depot.url}")
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        day.close()


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})  # `serve` waits for them
    with tempfile.TemporaryDirectory(prefix="running-day-") as folder:
        home = Path(folder)
        neighbourhood.make(1, home / "made.osm.pbf")
        atlas.import_map(home / "made.osm.pbf", "made", home)
        serve(home, home / "made", print)


if __name__ == "__main__":
    main()
