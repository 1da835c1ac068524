"""What waits to be written: bounded, in its order, and nobody waits for ever."""

import threading
import time

from hub_backend.intake.inbox import Inbox
from hub_backend.mqtt_client import Message


def messages(*numbers: int) -> list[Message]:
    return [Message("topic", b"", number.to_bytes(2, "big"), 0) for number in numbers]


def test_it_is_taken_in_its_order_and_not_more_than_asked_for() -> None:
    inbox = Inbox(10)
    inbox.put(messages(1, 2, 3))
    assert inbox.take(2) == messages(1, 2)
    assert inbox.take(2) == messages(3)


def test_who_brings_more_than_there_is_room_for_has_to_wait() -> None:
    inbox = Inbox(2)
    inbox.put(messages(1, 2))
    more = threading.Thread(target=inbox.put, args=(messages(3),))
    more.start()
    more.join(0.1)
    assert more.is_alive()
    inbox.take(1)
    more.join(5)
    assert inbox.take(9) == messages(2, 3)


def test_waiting_ends_when_there_are_enough_or_when_it_is_time() -> None:
    inbox = Inbox(10)
    assert not inbox.wait_for(1, until_s=time.monotonic() + 0.01)
    threading.Timer(0.05, inbox.put, [messages(1)]).start()
    assert inbox.wait_for(1, until_s=time.monotonic() + 10)


def test_closed_nobody_waits_and_nothing_is_taken_in() -> None:
    inbox = Inbox(1)
    inbox.put(messages(1))
    waiting = threading.Thread(target=inbox.put, args=(messages(2),))
    waiting.start()
    inbox.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert inbox.take(9) == messages(1)
