"""PostgreSQL killed again and again while events come in: nothing that was answered is lost, nothing is twice."""

import random
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from hub_backend.record import LaneRow, RejectRow
from tests.hub_backend.conftest import Mosquitto, running_postgres
from tests.hub_backend.gateway_twin import GatewayTwin
from tests.hub_backend.made import position
from tests.hub_backend.test_ingest import Hub, wait

pytestmark = pytest.mark.servers
KILLS = 4


@pytest.fixture
def van(broker: Mosquitto) -> Iterator[GatewayTwin]:
    twin = GatewayTwin(broker.port)
    twin.wait_until_connected()
    yield twin
    twin.close()


def test_killed_while_events_come_in_it_loses_and_doubles_nothing(broker: Mosquitto, van: GatewayTwin) -> None:
    rng = random.Random(7)
    events = [position(seq) for seq in range(3000)]
    with running_postgres(durable=True) as server, Hub(f"{server.url}/postgres", broker.port) as hub:
        sender = threading.Thread(target=van.deliver, args=(events,), kwargs={"size": 5, "within_s": 100}, daemon=True)
        sender.start()
        for kill in range(KILLS):
            wait(lambda kill=kill: van.n() > kill * 600 + rng.randrange(100), seconds=30)
            server.kill()
            answered = van.n()
            time.sleep(rng.uniform(0.1, 0.6))
            server.start()
            wait(lambda: hub.ingest.alive)
            assert hub.seqs()[:answered] == list(range(answered))
        sender.join(100)
        assert hub.seqs() == list(range(len(events)))
        assert van.n() == len(events)
        with hub.kit.store.read() as session:
            assert session.scalars(select(RejectRow)).all() == []
            assert session.scalars(select(LaneRow)).one().missing == 0
