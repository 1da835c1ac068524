"""Making a plan of the record again, and saying whether it comes out the same."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub_backend.dispatching.drafting import Planner
from hub_backend.dispatching.evidence import Evidence
from hub_backend.dispatching.router.problem import PlanAnswer, PlannedRoute
from hub_backend.dispatching.router.solver import solver_of
from hub_backend.errors import HubError
from hub_backend.record import PlanRow
from hub_backend.settings import Settings
from hub_backend.store import Store


class ReplayError(HubError):
    """A plan that cannot be made again; the message says why."""


@dataclass(frozen=True)
class Replay:
    """How a plan came out the second time. `differences` empty: the same, to the second."""

    plan: str
    revision: int
    evidence: Evidence
    answer: PlanAnswer
    differences: tuple[str, ...]

    def record(self) -> dict[str, object]:
        """The same for programs."""
        asked = self.evidence.request
        return {
            "plan": self.plan,
            "day": asked.problem.day,
            "revision": self.revision,
            "inputs_hash": self.evidence.inputs_hash,
            "seed": asked.seed,
            "iterations": list(asked.iterations or ()),
            "engine": self.answer.engine,
            "tier": self.answer.tier,
            "solve_s": round(self.answer.solve_s, 3),
            "differences": list(self.differences),
        }

    def words(self) -> list[str]:
        """What was made again from what, and how it came out; for people."""
        asked = self.evidence.request
        return [
            f"plan      {self.plan}, {asked.problem.day} revision {self.revision}",
            f"inputs    {self.evidence.inputs_hash}",
            f"question  {len(asked.problem.tasks)} stops, {len(asked.problem.rides)} rides, "
            f"{len(asked.problem.vans)} vans; seed {asked.seed}, iterations {list(asked.iterations or ())}",
            f"engine    {self.answer.engine}, {self.answer.tier}, {self.answer.solve_s:.2f} s",
            "outcome   the same plan" if not self.differences else "outcome   another plan",
            *(f"  {one}" for one in self.differences),
        ]


def replay_named(settings: Settings, name: str) -> Replay:
    """Make the plan `name` (an id, or DAY/REVISION) of the settings' record again, with the settings' map.

    Raises `HubError`.
    """
    store, solver = Store(settings.database_url), solver_of(settings)
    store.open()
    try:
        with store.read() as session:
            return replay(_named(session, name), solver)
    finally:
        solver.stop()
        store.close()


def _named(session: Session, name: str) -> PlanRow:
    day, _, revision = name.partition("/")
    row = session.get(PlanRow, name)
    if row is None and revision.isdecimal():
        wanted = select(PlanRow).where(PlanRow.day == day, PlanRow.revision == int(revision))
        row = session.scalars(wanted).first()
    if row is None:
        raise ReplayError(f"plan: the record has no plan {name!r}; give its id, or DAY/REVISION as 2026-11-23/4")
    return row


def replay(row: PlanRow, planner: Planner) -> Replay:
    """Ask the plan's own question again. Raises `ReplayError`, `SolverError`."""
    if row.evidence is None:
        raise ReplayError(f"plan {row.id}: its question was not kept")
    try:
        evidence = Evidence.unpacked(row.evidence)
    except ValueError as error:
        raise ReplayError(f"plan {row.id}: {error}") from error
    if evidence.inputs_hash != row.inputs_hash:
        raise ReplayError(f"plan {row.id}: its question is not the one that its hash was made of")
    answer = planner.plan(evidence.request)
    return Replay(row.id, row.revision, evidence, answer, tuple(_differences(evidence.answer, answer)))


def _differences(before: PlanAnswer, after: PlanAnswer) -> Iterator[str]:
    for name, was, now in (
        ("map", before.map_sha256, after.map_sha256),
        ("engine", before.engine, after.engine),
        ("tier", before.tier, after.tier),
        ("cost_s", before.cost_s, after.cost_s),
    ):
        if was != now:
            yield f"{name}: was {was}, is {now}"
    routes = {route.van: _bare(route) for route in after.routes}
    for route in before.routes:
        if routes.get(route.van) != _bare(route):
            yield f"{route.van}: was {_told(route)}, is {_told(routes.get(route.van))}"
    if {left.task for left in before.unserved} != {left.task for left in after.unserved}:
        yield f"unserved: was {len(before.unserved)}, is {len(after.unserved)}"


def _bare(route: PlannedRoute) -> PlannedRoute:
    return msgspec.structs.replace(route, geometry=())


def _told(route: PlannedRoute | None) -> str:
    if route is None:
        return "no route"
    return f"{len(route.steps)} stops, {route.distance_m} m, back at {route.end_s}"
