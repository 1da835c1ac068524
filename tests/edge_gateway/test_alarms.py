"""Which alarm of a cooler the gateway's page shows, in whatever order its node's words come."""

import itertools
from pathlib import Path

import pytest

from edge_gateway.contract.messages import Alarm, AnyEvent, Cooler, Lid, Span
from edge_gateway.page_messages import PageCooler
from tests.edge_gateway.rig import START_S, Parts, parts

COOLER = "van-1/cooler"


def alarm(reason: str, at_s: float, *, seq: int = 0) -> Alarm:
    return Alarm(source=COOLER, boot=1, seq=seq, t_s=START_S + at_s, reason=reason)  # type: ignore[arg-type]


def lid(at_s: float, *, is_open: bool, seq: int = 0) -> Lid:
    return Lid(source=COOLER, boot=1, seq=seq, t_s=START_S + at_s, open=is_open)


def period(at_s: float, air_c: float | None, product_c: float | None, *, seq: int = 0) -> Cooler:
    air, product = (Span(value, value, value) for value in (air_c, product_c))
    return Cooler(source=COOLER, boot=1, seq=seq, t_s=START_S + at_s, period_s=60, air=air, product=product)


def shown(gateway: Parts, *events: AnyEvent) -> tuple[str | None, float | None]:
    for event in events:
        gateway.state.apply(event)
    (cooler,) = gateway.state.snapshot().coolers
    return cooler.alarm, None if cooler.alarm_s is None else cooler.alarm_s - START_S


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_an_alarm_is_shown_until_its_node_says_that_it_is_over(tmp_path: Path, order: tuple[int, ...]) -> None:
    told = [alarm("too_warm", 100), alarm("too_warm_over", 900)]
    with parts(tmp_path) as gateway:
        assert shown(gateway, *(told[place] for place in order)) == (None, None)
        assert shown(gateway, alarm("too_warm", 2000)) == ("too_warm", 2000)
        assert shown(gateway, alarm("too_cold_over", 2100)) == ("too_warm", 2000)


def test_a_closed_lid_ends_its_own_alarm_and_what_stood_before_is_shown_again(tmp_path: Path) -> None:
    with parts(tmp_path) as gateway:
        assert shown(gateway, alarm("too_warm", 100), alarm("lid_open", 200)) == ("lid_open", 200)
        assert shown(gateway, lid(300, is_open=False)) == ("too_warm", 100)


def test_a_lost_probe_is_past_once_it_measures_again(tmp_path: Path) -> None:
    with parts(tmp_path) as gateway:
        assert shown(gateway, period(60, 4.0, None), alarm("probe_lost", 90))[0] == "probe_lost"
        assert shown(gateway, period(120, 4.0, None))[0] == "probe_lost"
        assert shown(gateway, period(180, 4.0, 4.1))[0] is None


def test_a_gateway_that_starts_again_still_shows_the_alarm_that_stands(tmp_path: Path) -> None:
    with parts(tmp_path) as gateway:
        for seq, (reason, at_s) in enumerate((("too_warm", 100), ("probe_lost", 200), ("too_warm_over", 300))):
            gateway.intake.keep(alarm(reason, at_s, seq=seq))
    with parts(tmp_path) as again:
        assert shown(again) == ("probe_lost", 200)
        assert shown(again, period(400, 4.0, None))[0] == "probe_lost", "who knows whether it ever measured"
        assert shown(again, period(460, 4.0, 4.0))[0] is None


def test_a_cooler_of_which_nothing_was_raised_shows_nothing(tmp_path: Path) -> None:
    with parts(tmp_path, nodes=[{"name": "cooler", "kind": "cooler", "port": "/dev/null"}]) as gateway:
        assert gateway.state.snapshot().coolers == (PageCooler(source=COOLER),)
        assert shown(gateway, period(60, 4.0, 4.0)) == (None, None)
