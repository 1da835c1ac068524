"""Processes that answer over HTTP, as the browser's tests use them: the hub, and gateways with their serial lines."""

import functools
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec

from edge_gateway.contract import messages
from edge_gateway.contract.clock import ClockPage
from edge_gateway.contract.messages import VanPlan
from edge_gateway.page_messages import PageState
from hub_backend.simulator.nmea import Fix, sentences
from tests.conftest import ROOT
from tests.edge_gateway.rig import SerialLine, end
from tests.edge_gateway.rig import wait_until as wait_at_most

wait_until = functools.partial(wait_at_most, within_s=60.0)  # a machine that does other things as well is slow


@functools.cache
def http() -> httpx.Client:
    """One for all: making one takes longer than most answers."""
    return httpx.Client(timeout=20, trust_env=False)


@dataclass
class Served:
    """A process of ours that answers over http()."""

    url: str
    command: Sequence[str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(self.command, cwd=ROOT, stdout=sink, stderr=sink)
        wait_until(self._is_up, within_s=120)

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return http().get(f"{self.url}/api/health", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            end(self.process)

    def get(self, path: str) -> Any:
        answer = http().get(f"{self.url}{path}")
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def post(self, path: str, body: object) -> Any:
        answer = http().post(f"{self.url}{path}", json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:600]}"
        return answer.json()


@dataclass
class GatewayProcess(Served):
    """A gateway, and the serial lines that go into it."""

    name: str = ""
    data_dir: Path = Path()
    lines: Mapping[str, SerialLine] = field(default_factory=dict)
    world: ClockPage | None = None

    def state(self) -> PageState:
        return msgspec.json.decode(http().get(f"{self.url}/api/state").content, type=PageState)

    @property
    def plan(self) -> VanPlan:
        plan = self.state().plan
        assert isinstance(plan, VanPlan)
        return plan

    def next_stop(self) -> messages.PlannedStop:
        state = self.state()
        assert isinstance(state.plan, VanPlan)
        return next(stop for stop in state.plan.stops if stop.stop == state.next_stop)

    def come_to_a_door(self) -> messages.PlannedStop:
        """The next address that is visited for what is brought; what lies before it (a hub, a rest, a ride) is passed.

        Which that is hangs on the plan, and no two runs have quite the same.
        """
        return self.come_to("visit")

    def come_to(self, kind: str) -> messages.PlannedStop:
        """The next stop of a kind; what lies before it is passed."""
        while (stop := self.next_stop()).kind != kind:
            self.pass_by(stop)
        return stop

    def pass_by(self, stop: messages.PlannedStop) -> None:
        """Leaves the next stop behind, as the page does when its last button is tapped."""
        if stop.kind in ("reload", "charge"):
            self.tap({"kind": "tour", "phase": "arrived", "stop": stop.stop}, {"kind": "tour", "phase": "departed_hub"})
        elif stop.kind == "rest":
            self.tap({"kind": "tour", "phase": "resting", "stop": stop.stop}, {"kind": "tour", "phase": "rested"})
        else:
            self.tap({"kind": "visit", "stop": stop.stop, "outcome": "contact_door", "step": 1})

    @contextmanager
    def without_power(self) -> Iterator[None]:
        """Its power is cut, and it is started again at the end whatever happens meanwhile."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    def ahead(self) -> Sequence[messages.PlannedStop]:
        """The stops from the next one on."""
        stops = self.plan.stops
        return stops[stops.index(self.next_stop()) :]

    def tap(self, *records: Mapping[str, object]) -> None:
        """Records as the page sends them."""
        whole = [{"id": f"seed-{os.urandom(8).hex()}", **record} for record in records]
        answer = self.post("/api/records", whole)
        assert len(answer["stored"]) == len(records), answer

    def drive(self, fix: Fix) -> None:
        """Lets the receiver say where the van is."""
        self.lines["gps"].send(sentences(fix))
