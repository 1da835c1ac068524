"""Everything of orders, plans and figures, put together for the composition root."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter

from hub_backend.api import figures as figures_api
from hub_backend.api import map as map_api
from hub_backend.api import orders as orders_api
from hub_backend.api import plans as plans_api
from hub_backend.api import proposals as proposals_api
from hub_backend.api import stops as stops_api
from hub_backend.api import van_service as van_service_api
from hub_backend.api.health import DispatchHealth
from hub_backend.basemap import Basemap, MapError
from hub_backend.dispatching.come_back import ComeBack
from hub_backend.dispatching.dispatch import Dispatch
from hub_backend.dispatching.downlink import Acknowledged, Downlinks, Sender
from hub_backend.dispatching.drafting import Planner
from hub_backend.dispatching.router.solver import Solver, solver_of
from hub_backend.factors import Factors
from hub_backend.kit import Kit
from hub_backend.ordering.addresses import AddressBook
from hub_backend.ordering.directory import Directory
from hub_backend.ordering.orders import OrderDesk
from hub_backend.ordering.refs import RandomBelow
from hub_backend.projections.follower import Follower
from hub_backend.reporting.figures import FiguresDesk

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Planning:
    """What the hub gets of this: `routers` go below /api, `root_routers` at the root, `followers` after the others."""

    dispatch: Dispatch
    solver: Solver
    routers: Sequence[APIRouter]
    root_routers: Sequence[APIRouter]
    followers: Sequence[Follower]

    def health(self) -> DispatchHealth:
        """How dispatch stands, for the health page."""
        state = self.dispatch.state
        return DispatchHealth(
            alive=self.dispatch.alive,
            waiting_triggers=len(self.dispatch.waiting),
            solving=state.solving,
            failure=state.last_error.nl,
            failure_en=state.last_error.en,
            restarts=self.solver.restarts,
        )

    def start(self) -> None:
        self.dispatch.start()

    def stop(self) -> None:
        self.solver.stop()  # first, for dispatch may be waiting for it
        self.dispatch.stop()


def build(
    kit: Kit,
    sender: Sender,
    *,
    planner: Planner | None = None,
    solver: Solver | None = None,
    random_below: RandomBelow = secrets.randbelow,
) -> Planning:
    """Planning for this hub; `planner`, `solver` and `random_below` are for tests. Raises `MapError`."""
    settings = kit.settings
    basemap = _basemap(settings.map_dir)
    factors = Factors.load()
    addresses = AddressBook.load(settings.map_dir)
    solver = solver or solver_of(settings)
    dispatch = Dispatch(kit, planner or solver, Downlinks(kit, sender), random_below=random_below)
    desk = OrderDesk(addresses=addresses, zone=settings.zone, random_below=random_below)
    directory = Directory(addresses=addresses, factors=factors)
    figures = FiguresDesk(solver, factors, zone=settings.zone)
    return Planning(
        dispatch=dispatch,
        solver=solver,
        routers=[
            orders_api.router(kit, directory, desk, random_below),
            plans_api.router(kit, dispatch),
            proposals_api.router(kit, dispatch),
            stops_api.router(kit, dispatch),
            van_service_api.router(kit, dispatch),
            figures_api.router(kit, figures, factors),
            map_api.router(basemap),
        ],
        root_routers=[map_api.tiles(basemap)],
        followers=[Acknowledged(), ComeBack(kit)],
    )


def _basemap(map_dir: Path | None) -> Basemap | None:
    if map_dir is None:
        log.warning("no_map map_dir is not set: no plan can be made and no map is drawn")
        return None
    try:
        return Basemap(map_dir)
    except MapError:
        if not (map_dir / "roads.npz").exists():
            raise
        log.exception("no_basemap")
        return None
