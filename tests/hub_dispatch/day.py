"""A day with whatever happens on one, in random order; after every plan the promises are looked at."""

import random
from dataclasses import dataclass, field

from sqlalchemy import select

from edge_gateway.contract.messages import ScanPurpose
from hub_backend.record import OrderRow, ParcelRow, StopRow
from hub_backend.stop_ref import is_depot_stop, stop_of_ref
from tests.hub_dispatch.world import DAY, World, clock

VANS = ("van-1", "van-2")


@dataclass
class Played:
    """What happened, for a test to see that enough did."""

    plans: int = 0
    events: dict[str, int] = field(default_factory=dict)


class RandomDay:
    """Two vans and a planner, none of them predictable."""

    def __init__(self, world: World, seed: int, *, residents: int) -> None:
        self._world = world
        self._dice = random.Random(seed)
        self._residents = residents
        self._locked: dict[str, str] = {}
        self._at: dict[str, str | None] = dict.fromkeys(VANS)  # where it stands or drives to
        self._arrived: dict[str, bool] = dict.fromkeys(VANS, False)
        self._left: dict[str, bool] = dict.fromkeys(VANS, False)
        self.played = Played()

    def play(self, steps: int) -> Played:
        for _ in range(6):
            self._order()
        self._world.plan()
        self._look()
        for _ in range(steps):
            self._world.clock.t_s += self._dice.randint(30, 600)
            action = self._dice.choice(
                [
                    self._order,
                    self._order,
                    self._cancel,
                    self._lock,
                    self._go_on,
                    self._go_on,
                    self._go_on,
                    self._service,
                ]
            )
            name = action.__name__.strip("_")
            if action():
                self.played.events[name] = self.played.events.get(name, 0) + 1
            if self._world.dispatch.step():
                self._look()
        return self.played

    # ------------------------------------------------------------ what may happen

    def _order(self) -> bool:
        kind, goods = self._dice.choice(
            [
                ("delivery", "chilled_meal"),
                ("delivery", "parcel"),
                ("swap", "laundry_clean"),
                ("collection", "laundry_dirty"),
                ("delivery", "letterbox_item"),
                ("visit", ""),
            ]
        )
        from_s = self._world.clock.t_s + self._dice.randint(0, 4) * 1800
        resident = f"k{self._dice.randrange(self._residents)}"
        supplier = "keuken" if goods else None
        self._world.order(resident, kind=kind, goods=goods, supplier=supplier, from_s=from_s, to_s=from_s + 7200)
        return True

    def _cancel(self) -> bool:
        with self._world.kit.store.read() as session:
            orders = session.scalars(select(OrderRow.id).where(OrderRow.state == "open").order_by(OrderRow.id)).all()
        if not orders:
            return False
        answer = self._world.http.post(f"/api/orders/{self._dice.choice(orders)}/cancel", json={})
        return answer.status_code == 200

    def _lock(self) -> bool:
        where = self._world.where()
        if not where:
            return False
        stop = stop_of_ref(self._dice.choice(sorted(where)))
        van = self._dice.choice(VANS)
        answer = self._world.http.post(f"/api/stops/{stop}/lock", json={"locked": True, "van": van})
        if answer.status_code == 200:
            self._locked[stop] = van
        return answer.status_code == 200

    def _service(self) -> bool:
        van = self._dice.choice(VANS)
        inside = self._dice.random() < 0.7
        self._world.post(f"/api/vans/{van}/service", {"in_service": inside, "reason": "proef"}, status=200)
        return True

    def _go_on(self) -> bool:
        """A van does the next thing of its day: leave, arrive, stay longer, record what happened."""
        van = self._dice.choice(VANS)
        at = self._at[van]
        if at is not None and at not in {stop.stop for stop in self._world.mail.newest(van).stops}:
            self._at[van] = None  # cancelled on the way, or given to another van
            return True
        if at is not None and not self._arrived[van]:
            self._world.tour(van, "arrived", at)
            self._arrived[van] = True
            return True
        if at is not None and self._dice.random() < 0.2:
            self._world.tour(van, "longer", at, extra_s=900)
            return True
        if at is not None:
            if not is_depot_stop(at):
                outcome = self._dice.choice(["contact_door", "contact_inside", "no_answer", "letterbox", "refused"])
                self._world.visit(van, at, outcome, deliver=outcome.startswith(("contact", "letter")))
            else:
                self._world.tour(van, "back_at_hub")
                self._left[van] = False
            self._at[van] = None
            return True
        return self._leave(van)

    def _leave(self, van: str) -> bool:
        ahead = [stop for stop in self._world.mail.newest(van).stops if not stop.done]
        if not ahead:
            return False
        if not self._left[van]:
            for stop in ahead:
                if is_depot_stop(stop.stop):
                    break
                for parcel in stop.deliver:
                    if self._state_of(parcel.code) in ("expected", "at_hub"):
                        self._world.scan(van, parcel.code, ScanPurpose.LOAD)
            self._world.tour(van, "departed_hub")
            self._left[van] = True
        with self._world.kit.store.read() as session:
            row = session.get(StopRow, ahead[0].stop)
        if row is not None and row.state == "cancelled":
            return False
        self._world.tour(van, "under_way", ahead[0].stop)
        self._at[van], self._arrived[van] = ahead[0].stop, False
        return True

    def _state_of(self, code: str) -> str:
        with self._world.kit.store.read() as session:
            return session.get_one(ParcelRow, code).state

    # ------------------------------------------------------------ what must hold

    def _look(self) -> None:
        self.played.plans += 1
        shown = self._world.shown()
        self._look_at_vans(shown["revision"])
        left = {one["stop"]: one["reason"] for one in shown["left"]}
        assert all(left.values()), "whoever is left out is told why"
        with self._world.kit.store.read() as session:
            rows = {row.id: row for row in session.scalars(select(StopRow).where(StopRow.day == DAY))}
            loaded = session.execute(
                select(OrderRow.stop, ParcelRow.van)
                .join(ParcelRow, ParcelRow.order == OrderRow.id)
                .where(ParcelRow.state == "loaded", ParcelRow.direction == "deliver")
            ).all()
        ahead = {
            stop["stop"]: route["van"]
            for route in shown["routes"]
            for stop in route["stops"]
            if stop["state"] in ("open", "under_way", "at_door") and not is_depot_stop(stop["stop"])
        }
        for id_, row in rows.items():
            if row.state in ("open", "under_way", "at_door"):
                assert (id_ in ahead) != (id_ in left), f"{id_} is planned once, or left out with a reason"
            else:
                assert id_ not in ahead
            if row.locked and id_ in ahead:
                assert ahead[id_] == self._locked[id_], "a lock is never broken"
        for stop, van in loaded:
            if stop in ahead:
                assert ahead[stop] == van, "what is in a van is delivered by it"

    def _look_at_vans(self, revision: int) -> None:
        for van in VANS:
            sent = self._world.mail.newest(van)
            assert sent.revision == revision
            at = self._at[van]
            if at is None or is_depot_stop(at):
                continue
            with self._world.kit.store.read() as session:
                row = session.get_one(StopRow, at)
            route = [stop for stop in sent.stops if not stop.done]
            out = not self._in_service(van)
            if row.state in ("under_way", "at_door") and not out:
                assert route[0].stop == at, "what is under way stays first"

    def _in_service(self, van: str) -> bool:
        return next(one for one in self._world.shown()["routes"] if one["van"] == van)["in_service"] is True


def played(world: World, seed: int, *, residents: int, steps: int) -> Played:
    world.clock.t_s = clock("08:40")
    return RandomDay(world, seed, residents=residents).play(steps)
