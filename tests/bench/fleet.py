"""Gateways by the hundred on one line: their events, sealed as a gateway does, and what the hub has committed."""

import time
from collections.abc import Sequence
from random import Random

import msgspec

from edge_gateway.contract import messages, topics
from edge_gateway.contract.messages import AnyEvent, Cooler, EventBatch, Lane, Position, Span, Vehicle
from tests.bench.line import Line, LineError, publish
from tests.bench.world import HUB, ORG, Gateway

BOOT = 1


class Fleet:
    """Makes what each gateway sends next, and hears what the hub has committed. Boxes are fresh: n = 1, 2, …"""

    def __init__(self, port: int, known: Sequence[Gateway], random: Random) -> None:
        self.known = known
        self._random = random
        self._made = [0] * len(known)
        self._seals = {one.address.topic(topics.COMMITTED): (i, one.seal) for i, one in enumerate(known)}
        self.committed = [0] * len(known)
        self._mid = 0
        self.line = Line(port, "bench-fleet", heard=self._hear)
        self.line.subscribe(topics.every(topics.COMMITTED, org=ORG, hub=HUB))

    def packets(self, count: int, *, events: int = 1) -> list[bytes]:
        """The next `count` messages of `events` positions each, the gateways taking turns."""
        return [self.packet(i % len(self.known), kinds=["position"] * events) for i in range(count)]

    def packet(self, index: int, *, kinds: Sequence[str]) -> bytes:
        """The next message of one gateway: an event of each of these kinds."""
        one, first = self.known[index], self._made[index]
        self._made[index] += len(kinds)
        made = [self._event(one.address.gateway, seq, kind) for seq, kind in enumerate(kinds, first)]
        batch = EventBatch(
            outbox="bench",
            lane=Lane.TELEMETRY,
            base_n=self.committed[index] + 1,
            first_n=first + 1,
            events=tuple(msgspec.Raw(messages.encode(event)) for event in made),
        )
        topic = one.address.topic(topics.EVENTS)
        self._mid = self._mid % 65535 + 1
        return publish(topic, one.seal.close(messages.encode(batch), topic=topic), self._mid)

    @property
    def all_committed(self) -> bool:
        return self.committed == self._made

    def wait(self, *, within_s: float) -> None:
        """Until the hub has said of all that it is committed. Raises `LineError`."""
        ends_s = time.monotonic() + within_s
        while not self.all_committed:
            self.line.listen(0.1)
            if time.monotonic() > ends_s:
                raise LineError(f"{sum(self.committed)} of {sum(self._made)} events committed")

    def _event(self, gateway: str, seq: int, kind: str) -> AnyEvent:
        random, t_s = self._random, round(time.time(), 3)
        match kind:
            case "vehicle":
                soc_percent = round(random.uniform(20, 95), 1)
                return Vehicle(
                    source=gateway,
                    boot=BOOT,
                    seq=seq,
                    t_s=t_s,
                    soc_percent=soc_percent,
                    odometer_km=31200.0,
                    plugged=False,
                )
            case "cooler":
                span = Span(mean_c=4.1, min_c=3.9, max_c=round(random.uniform(4.2, 5.0), 2))
                return Cooler(
                    source=gateway, boot=BOOT, seq=seq, t_s=t_s, period_s=60.0, air=span, product=span, lid_open_s=0.0
                )
            case _:
                return Position(
                    source=gateway,
                    boot=BOOT,
                    seq=seq,
                    t_s=t_s,
                    fix="3d",
                    lat=round(52.25 + random.uniform(-0.02, 0.02), 6),
                    lon=round(6.2 + random.uniform(-0.02, 0.02), 6),
                    speed_m_s=round(random.uniform(0, 14), 1),
                    heading_deg=round(random.uniform(0, 359), 1),
                )

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic not in self._seals:
            return  # a real gateway's, beside these
        index, seal = self._seals[topic]
        committed = messages.decode_committed(seal.open(payload, topic=topic))
        self.committed[index] = max(self.committed[index], committed.n)
