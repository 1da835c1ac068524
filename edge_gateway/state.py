"""What this van or hub knows now: one owner, read by the page, changed by every input."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge_gateway.alarms import Alarms
from edge_gateway.contract.messages import (
    Alarm,
    AnyEvent,
    Battery,
    Cooler,
    HubManifest,
    Lid,
    Position,
    Scan,
    Tour,
    VanPlan,
    Vehicle,
    Visit,
)
from edge_gateway.day import Day
from edge_gateway.outbox import Depth
from edge_gateway.page_messages import (
    PageBattery,
    PageCooler,
    PageNode,
    PagePending,
    PagePosition,
    PageReject,
    PageScan,
    PageState,
    PageVehicle,
)
from edge_gateway.scans import Situation
from edge_gateway.settings import NodeSettings, Settings

DRIVING_M_S = 5 / 3.6
EARTH_M = 6_371_008.8


@dataclass(frozen=True)
class Surroundings:
    """What others own and the page shows as well, read at the moment of showing."""

    now_s: Callable[[], float]
    depth: Callable[[], Depth]
    rejects: Callable[[], tuple[PageReject, ...]]


class State:
    """Safe for threads. Watchers are called after each change, from the thread that made it."""

    def __init__(self, settings: Settings, around: Surroundings) -> None:
        self._settings = settings
        self._around = around
        self._lock = threading.RLock()
        self._watchers: list[Callable[[], None]] = []
        self._version = 0
        self._day = Day()
        self._position: PagePosition | None = None
        self._vehicle: PageVehicle | None = None
        self._battery: PageBattery | None = None
        self._last_scan: PageScan | None = None
        self._last_visit_s: float | None = None
        self._coolers: dict[str, PageCooler] = {}
        self._alarms: dict[str, Alarms] = {}
        self._nodes: dict[str, PageNode] = {}
        self._hub_connected = False
        self._hub_problem = ""
        for node in settings.nodes:
            source = self._source_of(node)
            self._nodes[source] = PageNode(source=source, kind=node.kind, online=False)
            if node.kind == "cooler":
                self._coolers[source] = PageCooler(source=source)

    def _source_of(self, node: NodeSettings) -> str:
        return f"{self._settings.gateway}/{node.name}"

    # ------------------------------------------------------------ changes

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Calls `changed` after each change; the answer ends that."""
        with self._lock:
            self._watchers.append(changed)

        def end() -> None:
            with self._lock:
                self._watchers.remove(changed)

        return end

    def touch(self) -> None:
        """Something that the page shows has changed."""
        with self._lock:
            self._version += 1
            watchers = list(self._watchers)
        for changed in watchers:
            changed()

    def take_plan(self, plan: VanPlan | HubManifest) -> None:
        with self._lock:
            self._day.take(plan)
        self.touch()

    def apply(self, event: AnyEvent) -> None:
        """An event that was kept; an older reading never replaces a newer one."""
        with self._lock:
            match event:
                case Position() | Vehicle() | Battery():
                    self._apply_reading(event)
                case Cooler() | Lid() | Alarm():
                    self._apply_cooler(event)
                case Scan() | Tour() | Visit():
                    self._day.apply(event)
                    if isinstance(event, Visit):
                        self._last_visit_s = max(event.t_s, self._last_visit_s or 0.0)
        self.touch()

    def _apply_reading(self, event: Position | Vehicle | Battery) -> None:
        match event:
            case Position() if self._position is None or event.t_s >= self._position.t_s:
                self._position = PagePosition(
                    t_s=event.t_s,
                    fix=event.fix,
                    lat=event.lat,
                    lon=event.lon,
                    speed_m_s=event.speed_m_s,
                    heading_deg=event.heading_deg,
                )
            case Vehicle() if self._vehicle is None or event.t_s >= self._vehicle.t_s:
                self._vehicle = PageVehicle(
                    t_s=event.t_s,
                    soc_percent=event.soc_percent,
                    odometer_km=event.odometer_km,
                    speed_m_s=event.speed_m_s,
                    plugged=event.plugged,
                )
            case Battery() if self._battery is None or event.t_s >= self._battery.t_s:
                self._battery = PageBattery(
                    t_s=event.t_s,
                    voltage_v=event.voltage_v,
                    current_a=event.current_a,
                    charge_ah=event.charge_ah,
                )

    def _apply_cooler(self, event: Cooler | Lid | Alarm) -> None:
        held = self._coolers.get(event.source, PageCooler(source=event.source))
        alarms = self._alarms.setdefault(event.source, Alarms())
        t_s, air, product, lid_open_s = held.t_s, held.air, held.product, held.lid_open_s
        lid_open = held.lid_open
        match event:
            case Alarm():
                alarms.tell(event)
            case Lid():
                lid_open = event.open
                alarms.hear_lid(event)
            case Cooler() if t_s is None or event.t_s >= t_s:
                alarms.hear_period(event, None if t_s is None else (air.mean_c, product.mean_c))
                t_s, air, product, lid_open_s = event.t_s, event.air, event.product, event.lid_open_s
        alarm, alarm_s = alarms.standing or (None, None)
        self._coolers[event.source] = PageCooler(
            source=event.source,
            t_s=t_s,
            air=air,
            product=product,
            lid_open=lid_open,
            lid_open_s=lid_open_s,
            alarm=alarm,
            alarm_s=alarm_s,
        )

    def show_position(self, position: PagePosition) -> None:
        """A fix between two that are sent to the hub."""
        with self._lock:
            self._position = position
        self.touch()

    def show_node(self, node: PageNode) -> None:
        with self._lock:
            self._nodes[node.source] = node
        self.touch()

    def show_scan(self, scan: PageScan) -> None:
        with self._lock:
            self._last_scan = scan
        self.touch()

    def show_hub(self, *, connected: bool, problem: str = "") -> None:
        with self._lock:
            if (self._hub_connected, self._hub_problem) == (connected, problem):
                return
            self._hub_connected, self._hub_problem = connected, problem
        self.touch()

    # ------------------------------------------------------------ questions

    @property
    def situation(self) -> Situation:
        with self._lock:
            situation = self._day.situation
            scanned = {purpose: set(codes) for purpose, codes in situation.scanned.items()}
            return replace(situation, scanned=scanned)

    def wants(self, plan: VanPlan | HubManifest) -> bool:
        with self._lock:
            return self._day.wants(plan)

    def holds_newer(self, plan: VanPlan | HubManifest) -> bool:
        """True for a plan that is older than ours; the broker repeats ours at every connection."""
        with self._lock:
            return self._day.holds_newer(plan)

    def begins_with(self, plan: VanPlan | HubManifest) -> bool:
        with self._lock:
            return self._day.begins_with(plan)

    def distance_to_m(self, stop: str) -> float | None:
        """How far the van is from a stop's address; None without a fix or for a stop that is not in the plan."""
        with self._lock:
            position = self._position
            planned = next((planned for planned in self._day.stops if planned.stop == stop), None)
        if planned is None or position is None or position.lat is None or position.lon is None:
            return None
        return distance_m(position.lat, position.lon, planned.lat, planned.lon)

    @property
    def plan_revision(self) -> int | None:
        with self._lock:
            return None if self._day.plan is None else self._day.plan.revision

    @property
    def hub_connected(self) -> bool:
        with self._lock:
            return self._hub_connected

    @property
    def last_visit_s(self) -> float | None:
        with self._lock:
            return self._last_visit_s

    @property
    def nodes(self) -> dict[str, PageNode]:
        with self._lock:
            return dict(self._nodes)

    @property
    def version(self) -> int:
        with self._lock:
            return self._version

    def snapshot(self) -> PageState:
        """All that the page shows."""
        depth, rejects, now_s = self._around.depth(), self._around.rejects(), self._around.now_s()
        with self._lock:
            following = self._day.next_stop
            return PageState(
                version=self._version,
                gateway=self._settings.gateway,
                org=self._settings.org,
                hub=self._settings.hub,
                role=self._settings.role,
                now_s=now_s,
                plan=self._day.plan,
                phase=self._day.phase,
                next_stop=None if following is None else following.stop,
                at_stop=self._day.at_stop,
                visits=self._day.visits,
                loaded=self._day.aboard,
                last_scan=self._last_scan,
                position=self._position,
                driving=self._driving(),
                vehicle=self._vehicle,
                battery=self._battery,
                coolers=tuple(self._coolers.values()),
                nodes=tuple(self._nodes.values()),
                pending=pending_of(depth),
                hub_connected=self._hub_connected,
                hub_problem=self._hub_problem,
                rejects=rejects,
            )

    @property
    def vehicle(self) -> PageVehicle | None:
        """What the van's own bus said last."""
        with self._lock:
            return self._vehicle

    @property
    def driving(self) -> bool | None:
        """Faster than 5 km/h; None when nobody knows the speed."""
        with self._lock:
            return self._driving()

    def _driving(self) -> bool | None:
        """By the fix; without one by the van's own bus; None when neither knows."""
        for known in (self._position, self._vehicle):
            if known is not None and known.speed_m_s is not None:
                return known.speed_m_s > DRIVING_M_S
        return None


def pending_of(depth: Depth) -> PagePending:
    """What the outbox holds, as the page shows it."""
    return PagePending(business=depth.business, telemetry=depth.telemetry, dropped=depth.dropped, thinned=depth.thinned)


def distance_m(lat: float, lon: float, to_lat: float, to_lon: float) -> float:
    """Great-circle distance (haversine) on a sphere of the Earth's mean radius."""
    a, b = math.radians(lat), math.radians(to_lat)
    across = math.radians(to_lon - lon)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across / 2) ** 2
    return 2 * EARTH_M * math.asin(math.sqrt(min(1.0, half)))
