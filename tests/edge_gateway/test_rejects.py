from edge_gateway.contract.messages import ClockQuality, Rejected
from edge_gateway.rejects import EVERY_S, KINDS, Rejects
from tests.edge_gateway.rig import HandClock


def rejects() -> tuple[Rejects, HandClock, list[Rejected]]:
    clock, told = HandClock(), list[Rejected]()
    return (
        Rejects(source="van-1", now_s=clock.now_s, quality=lambda: ClockQuality.NTP, tell=told.append),
        clock,
        told,
    )


def test_the_first_is_told_at_once_and_the_rest_together_once_a_minute() -> None:
    counted, clock, told = rejects()
    for _ in range(100):
        counted.add("gps", "sentence", "checksum")
    assert [event.count for event in told] == [1]
    clock.t_s += EVERY_S
    counted.tick()
    counted.tick()
    assert [event.count for event in told] == [1, 99]
    assert counted.total == 100


def test_different_faults_are_told_apart_and_shown_newest_first() -> None:
    counted, clock, told = rejects()
    counted.add("gps", "sentence", "checksum")
    clock.t_s += 1
    counted.add("van-1/cooler", "frame", "CRC")
    assert [reject.field for reject in counted.shown()] == ["frame", "sentence"]
    assert [(event.origin, event.field, event.reason) for event in told] == [
        ("gps", "sentence", "checksum"),
        ("van-1/cooler", "frame", "CRC"),
    ]


def test_noise_cannot_fill_the_memory() -> None:
    counted, _clock, _told = rejects()
    for number in range(KINDS * 3):
        counted.add("page", f"field {number}", "unknown")
    assert len(counted.shown()) == KINDS + 1
    assert counted.total == KINDS * 3


def test_a_clock_that_steps_back_does_not_silence_it() -> None:
    counted, clock, told = rejects()
    counted.add("gps", "sentence", "checksum")
    clock.t_s -= 10_000
    counted.add("gps", "sentence", "checksum")
    assert len(told) == 2
