"""From the broker into the record: read what has come, commit it once, ack it, and tell the gateways "committed".

A message is acked to the broker, and answered to its gateway, only after the transaction that holds it. Killed between
the two, the broker sends it again, the record takes no second copy, and the answer is given then.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import OperationalError, SQLAlchemyError

from edge_gateway.contract import messages, topics
from hub_backend import shown
from hub_backend.intake.envelope import Opener
from hub_backend.intake.inbox import Inbox, Waiting
from hub_backend.intake.ledger import Ledger, Written
from hub_backend.intake.reading import Arrived, Reader
from hub_backend.kit import Kit
from hub_backend.mqtt import RECEIVE_MAXIMUM, Mqtt
from hub_backend.mqtt_client import Message
from hub_backend.rejects import Refusal

log = logging.getLogger(__name__)

BATCH_MESSAGES = 500
ENOUGH_MESSAGES = 200
PACE_S = 0.02
"""Machine: the next batch is taken so long after the last, or when there is enough for one: a transaction costs as much
as 40 messages."""
PRESSED_BYTES = 65_536  # in one batch
LONGEST_BATCH_S = 2.0  # machine: a record that takes longer than this for a batch is away
RETRY_S = (0.1, 0.5, 2.0, 5.0)  # machine: pauses when the record cannot be written
ROOM_MESSAGES = 2 * RECEIVE_MAXIMUM  # mosquitto 2.0.11 sends more than a client's receive maximum: it has to wait


class Ingest:
    """The ingest thread. Each of `on_commit` is called after a transaction that brought events."""

    def __init__(self, kit: Kit, mqtt: Mqtt, *, on_commit: Sequence[Callable[[], None]]) -> None:
        self._kit = kit
        self._mqtt = mqtt
        self._reader = Reader(Opener(mqtt.addresses, mqtt.seals), future_s=kit.settings.future_s)
        self._ledger = Ledger(kit.store)
        self._on_commit = on_commit
        self._inbox = Inbox(ROOM_MESSAGES)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._busy_s = time.monotonic()
        self._pressed_until_s = 0.0  # machine
        self._next_s = self._busy_s  # machine: when the next batch may be taken
        mqtt.on_messages = self._arrive
        mqtt.on_refused = self._count_refused

    @property
    def idle_s(self) -> float:
        """Machine seconds since anything was waiting to be written."""
        return 0.0 if len(self._inbox) else time.monotonic() - self._busy_s

    @property
    def is_pressed(self) -> bool:
        """Whether more waits than an ordinary day brings: its followers let ingest go first."""
        return time.monotonic() < self._pressed_until_s

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()
        self._mqtt.start()

    def stop(self) -> None:
        self._stop.set()
        self._inbox.close()
        self._thread.join(timeout=5)
        self._mqtt.stop()

    def _arrive(self, messages: Sequence[Message]) -> None:
        self._busy_s = time.monotonic()
        self._inbox.put(messages)

    def _count_refused(self, doing: str, reason: str) -> None:
        """On the thread that receives: what the broker will not have is counted beside what we will not."""
        self._inbox.put([Refusal("broker", doing, reason, comes_again=True)])

    def _run(self) -> None:
        while not self._stop.is_set():
            taken = self._take()
            if taken:
                self._busy_s = time.monotonic()
                is_much = sum(map(_weight, taken)) > PRESSED_BYTES
                self._pressed_until_s = self._busy_s + LONGEST_BATCH_S if is_much else 0.0
                self._handle(taken)
                self._busy_s = time.monotonic()
                self._pressed_until_s = self._busy_s + 2 * PACE_S if is_much else 0.0
                self._next_s = self._busy_s + PACE_S

    def _take(self) -> list[Waiting]:
        """What has come; waits for the first, and for company when there was a batch only just now."""
        if not self._inbox.wait_for(1, until_s=time.monotonic() + 0.2):
            return []
        self._inbox.wait_for(ENOUGH_MESSAGES, until_s=self._next_s)
        return self._inbox.take(BATCH_MESSAGES)

    def _handle(self, taken: Sequence[Waiting]) -> None:
        now_s = self._kit.clock.now_s()
        written = self._write(
            [one if isinstance(one, Refusal) else self._reader.read(one, now_s=now_s) for one in taken]
        )
        if written is None:
            return  # stopping, with the record away: nothing is acked, all of it comes again
        self._mqtt.ack_all(one for one in taken if isinstance(one, Message))
        answers = ((gateway, messages.encode(one)) for (gateway, _outbox, _lane), one in written.committed.items())
        self._mqtt.send_all(topics.COMMITTED, answers)
        self._tell(written)

    def _write(self, arrived: Sequence[Arrived]) -> Written | None:
        """Writes, trying again for as long as the record is away; None when the hub stops first."""
        tries = 0
        while not self._stop.is_set():
            try:
                return self._ledger.write(arrived, now_s=self._kit.clock.now_s())
            except OperationalError as error:
                log.error("ingest_write_failed tries=%d error=%s", tries + 1, error.orig)
                self._stop.wait(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1
            except SQLAlchemyError as error:
                log.error("ingest_message_unwritable messages=%d error=%s", len(arrived), type(error).__name__)
                return self._one_by_one(arrived)
        return None

    def _one_by_one(self, arrived: Sequence[Arrived]) -> Written | None:
        """One transaction for each message, so that one that the database refuses does not hold up the others."""
        if len(arrived) == 1:
            if isinstance(arrived[0], Refusal):
                raise RuntimeError("the record takes not even a refusal")
            return self._write([Refusal(_origin(arrived[0]), "payload", "the database refuses it", comes_again=True)])
        whole = Written()
        for thing in arrived:
            part = self._write([thing])
            if part is None:
                return None
            whole.committed |= part.committed
            whole.events += part.events
            whole.rejects += part.rejects
            whole.presences += part.presences
        return whole

    def _tell(self, written: Written) -> None:
        if written.events:
            for wake in self._on_commit:
                wake()
        changes = [("reject", str(reject)) for reject in written.rejects]
        changes += [("van", gateway) for gateway in written.presences]
        try:
            shown.tell(self._kit, changes)
        except OperationalError as error:  # the screens miss it; the record does not
            log.error("ingest_tell_failed error=%s", error.orig)


def _weight(one: Waiting) -> int:
    """Bytes; a message on its own costs as much as one of so many bytes."""
    return 1000 + (len(one.payload) if isinstance(one, Message) else 0)


def _origin(thing: Arrived) -> str:
    return thing.origin if isinstance(thing, Refusal) else thing.address.topic("up")
