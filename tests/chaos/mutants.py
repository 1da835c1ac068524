"""Builds with one promise broken, to be started instead of the real program: each must be caught.

    python -m tests.chaos.mutants deletes-on-puback --config van-1.toml      a gateway that takes the broker's word
    python -m tests.chaos.mutants speaks-before-commit --config hub.toml     a hub that says "committed" too early
    python -m tests.chaos.mutants trusts-normal --config van-1.toml          a gateway with synchronous=NORMAL

They are the real programs, changed in one place.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import edge_gateway.__main__
import hub_backend.__main__
from edge_gateway.hub_link import HubLink

DELETES_ON_PUBACK = "deletes-on-puback"
SPEAKS_BEFORE_COMMIT = "speaks-before-commit"
TRUSTS_NORMAL = "trusts-normal"
SLOW_DISK_S = 0.1


def delete_on_puback() -> None:
    """The gateway's line is one that believes the broker."""
    from edge_gateway import app

    app.HubLink = believer()  # type: ignore[attr-defined]


def believer() -> type[HubLink]:
    """A line whose outbox forgets a batch when the broker has it."""
    from edge_gateway.contract.messages import decode_batch
    from edge_gateway.contract.topics import EVENTS

    class Believer(HubLink):
        def _new_client(self, ended: Any) -> Any:
            client = super()._new_client(ended)
            publish, sent = client.publish, {}

            def remember(topic: str, payload: bytes, **more: Any) -> Any:
                told = publish(topic, payload, **more)
                if topic.endswith(EVENTS):
                    batch = decode_batch(self._seal.open(payload, topic=topic))
                    sent[told.mid] = (batch.lane, batch.first_n + len(batch.events) - 1)
                return told

            def believe(_client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
                if mid in sent and not reason.is_failure:
                    self._outbox.committed(*sent.pop(mid))

            client.publish, client.on_publish = remember, believe
            return client

    return Believer


def speak_before_commit() -> None:
    """The hub says "committed" and then writes, to a disk that takes a moment."""
    from edge_gateway.contract import messages, topics
    from edge_gateway.contract.messages import Committed
    from hub_backend.intake.ingest import Ingest
    from hub_backend.intake.reading import ReadBatch

    write = Ingest._write

    def speak(self: Ingest, arrived: Sequence[Any]) -> Any:
        for thing in arrived:
            if isinstance(thing, ReadBatch):
                batch = thing.batch
                word = Committed(outbox=batch.outbox, lane=batch.lane, n=batch.first_n + len(batch.events) - 1)
                self._mqtt.send(thing.address.gateway, topics.COMMITTED, messages.encode(word))
        time.sleep(SLOW_DISK_S)
        return write(self, arrived)

    Ingest._write = speak  # type: ignore[method-assign]


def trust_normal() -> None:
    """SQLite answers before the disk has it."""
    from edge_gateway.outbox import file

    opened = file._open

    def open_carelessly(*arguments: Any) -> Any:
        connection = opened(*arguments)
        connection.execute("pragma synchronous = normal")
        return connection

    file._open = open_carelessly


MUTANTS: dict[str, tuple[Callable[[], None], Callable[[Sequence[str]], int]]] = {
    DELETES_ON_PUBACK: (delete_on_puback, edge_gateway.__main__.main),
    SPEAKS_BEFORE_COMMIT: (speak_before_commit, lambda arguments: hub_backend.__main__.main(list(arguments))),
    TRUSTS_NORMAL: (trust_normal, edge_gateway.__main__.main),
}


def program(name: str) -> tuple[str, ...]:
    """What Python runs instead of the real program."""
    return ("-m", "tests.chaos.mutants", name)


if __name__ == "__main__":
    change, run = MUTANTS[sys.argv[1]]
    change()
    sys.exit(run(sys.argv[2:]))
