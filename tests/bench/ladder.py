"""What each step of an event's way through the hub costs, one after the other: processor µs, the least of some tries.

In this process, with a socket instead of a broker and without threads that wait for each other, so that the figures are
of the steps themselves. What else the machine does only ever adds to a try: the least of them says the most.
"""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec
from sqlalchemy import delete

from edge_gateway.contract import messages, topics
from edge_gateway.contract.clock import open_clock
from edge_gateway.contract.messages import EventBatch, Lane, Position
from hub_backend.intake.envelope import Opener
from hub_backend.intake.ledger import Ledger, Written
from hub_backend.intake.reading import read_to_its_end
from hub_backend.kit import Kit
from hub_backend.live import Live
from hub_backend.mqtt import Mqtt
from hub_backend.mqtt_client import Message
from hub_backend.projections.fleet import Fleet
from hub_backend.projections.follower import Follower
from hub_backend.projections.followers import Followers
from hub_backend.projections.series import SeriesFollower, SqlSeries
from hub_backend.projections.triggers import Triggers
from hub_backend.record import CursorRow
from hub_backend.settings import Settings
from hub_backend.store import Store
from tests.bench.figures import Row
from tests.bench.line import publish
from tests.bench.setting import Setting
from tests.bench.world import HUB, ORG, Gateway, gateways, wait_until

VANS = 20
BATCH_MESSAGES = 200
CONNACK = b"\x20\x03\x00\x00\x00"
Steps = dict[str, float]
Thing = TypeVar("Thing")


def measure(setting: Setting) -> list[Row]:
    return [_ladder(setting, events=1, count=6_000), _ladder(setting, events=50, count=1_000)]


def _ladder(setting: Setting, *, events: int, count: int) -> Row:
    tries = []
    for number in range(setting.of(7, short=2)):
        folder = setting.folder / f"{events}-{number}"
        folder.mkdir()
        climb = _Climb(folder, setting.random, events=events, count=count)
        with closing(climb):
            climb.go()
        tries.append(climb.steps)
    least = {name: min(one[name] for one in tries) for name in tries[0]}
    setting.say(f"ladder, {events} a message: " + ", ".join(f"{name} {us:.2f}" for name, us in least.items()))
    return Row(
        part="ladder",
        what=f"the hub's steps until an event is answered, {events} a message",
        unit="µs",
        figure=sum(us for name, us in least.items() if not name.startswith("follower")),
        also=least,
    )


class _Climb:
    """One try: `count` messages of `events` positions each, from 20 vans in turn."""

    def __init__(self, folder: Path, random: Random, *, events: int, count: int) -> None:
        self.steps: Steps = {}
        self._events, self._count = events, count
        known = gateways(VANS)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._mqtt_port = self._listener.getsockname()[1]
        settings = Settings.model_validate(
            {
                "org": ORG,
                "hubs": [HUB],
                "database_url": f"sqlite:///{folder / 'hub.sqlite'}",
                "mqtt_port": self._mqtt_port,
                "gateways": {one.address.gateway: {"hub": HUB, "role": "van", "key": one.key} for one in known},
            }
        )
        self._kit = Kit(settings=settings, clock=open_clock(None), store=Store(settings.database_url), live=Live())
        self._kit.store.open()
        self._mqtt = Mqtt(settings)
        self._sent = b"".join(
            _packet(known[i % VANS], random, first=i // VANS * events, events=events, mid=i % 65535 + 1)
            for i in range(count)
        )

    def close(self) -> None:
        self._mqtt.stop()
        self._listener.close()
        self._kit.store.close()

    def go(self) -> None:
        received = self._receive()
        with self._step("acked"):
            for part in _parts(received):
                self._mqtt.ack_all(part)
        opener = Opener(self._mqtt.addresses, self._mqtt.seals)
        with self._step("unsealed, its envelope read"):
            opened = [opener.open(message.topic, message.payload) for message in received]
        with self._step("its events read, as rows"):
            read = [read_to_its_end(one, now_s=self._kit.clock.now_s(), future_s=3600) for one in opened]
        ledger = Ledger(self._kit.store)
        with self._step("exactly once, committed"):
            written = [ledger.write(part, now_s=self._kit.clock.now_s()) for part in _parts(read)]
        with self._step("answered"):
            for one in written:
                self._answer(one)
        self._follow()

    def _receive(self) -> list[Message]:
        """As from a broker; its own work is one write, and counts as ours."""
        received: list[Message] = []
        whole = threading.Event()

        def take(messages: Sequence[Message]) -> None:
            received.extend(messages)
            if len(received) == self._count:
                whole.set()

        self._mqtt.on_messages = take
        self._mqtt.start()
        connection, _ = self._listener.accept()
        connection.recv(65536)
        connection.sendall(CONNACK)
        subscribe = connection.recv(65536)
        connection.sendall(b"\x90\x05" + subscribe[2:4] + b"\0\1\1")
        wait_until(lambda: self._mqtt.connected, "the connection")
        threading.Thread(target=_drink, args=(connection,), daemon=True).start()
        time.sleep(0.2)
        with self._step("received"):
            connection.sendall(self._sent)
            whole.wait(60)
        return received

    def _answer(self, written: Written) -> None:
        answers = ((gateway, messages.encode(one)) for (gateway, _outbox, _lane), one in written.committed.items())
        self._mqtt.send_all(topics.COMMITTED, answers)

    def _follow(self) -> None:
        vans = frozenset(self._kit.settings.gateways)

        def all_of_them() -> dict[str, Follower]:
            fleet, triggers = Fleet(vans, self._kit.settings.zone), Triggers(self._kit, vans)
            return {"fleet": fleet, "triggers": triggers, "series": SeriesFollower(SqlSeries(self._kit.store))}

        for name, follower in all_of_them().items():
            with self._step(f"follower {name}, alone"):
                Followers(self._kit, [follower]).catch_up()
        with self._kit.store.write() as session:
            session.execute(delete(CursorRow))
        with self._step("followers, together"):
            Followers(self._kit, list(all_of_them().values())).catch_up()

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began_s = time.process_time()
        yield
        self.steps[name] = 1e6 * (time.process_time() - began_s) / (self._count * self._events)


def _packet(one: Gateway, random: Random, *, first: int, events: int, mid: int) -> bytes:
    positions = [
        Position(
            source=one.address.gateway,
            boot=1,
            seq=seq,
            t_s=round(time.time() - 600 + seq / 10, 3),
            fix="3d",
            lat=round(52.25 + random.uniform(-0.02, 0.02), 6),
            lon=round(6.2 + random.uniform(-0.02, 0.02), 6),
            speed_m_s=round(random.uniform(0, 14), 1),
            heading_deg=round(random.uniform(0, 359), 1),
        )
        for seq in range(first, first + events)
    ]
    raw = tuple(msgspec.Raw(messages.encode(position)) for position in positions)
    batch = EventBatch(outbox="bench", lane=Lane.TELEMETRY, base_n=1, first_n=first + 1, events=raw)
    topic = one.address.topic(topics.EVENTS)
    return publish(topic, one.seal.close(messages.encode(batch), topic=topic), mid)


def _parts(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    for at in range(0, len(things), BATCH_MESSAGES):
        yield things[at : at + BATCH_MESSAGES]


def _drink(connection: socket.socket) -> None:
    while connection.recv(1 << 20):
        pass
