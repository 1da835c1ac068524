"""The cold chain from events: states, excursions, and the person who closes them."""

import random

import pytest
from sqlalchemy import select

from edge_gateway.contract.messages import Alarm, AnyEvent, Lid
from hub_backend import shown
from hub_backend.kit import Kit
from hub_backend.projections.coolers import Coolers
from hub_backend.projections.followers import Followers
from hub_backend.record import CoolerStateRow, CursorRow, ExcursionRow, TriggerRow
from tests.hub_backend import made
from tests.hub_backend.made import T0, FakeClock, cooler

VAN = "van-1/cooler"
FRIDGE = "hub-colmschate/fridge"
WARM_HALF_HOUR = [4.0] * 5 + [9.0] * 25 + [4.0] * 5


def follow(kit: Kit, *events: AnyEvent) -> None:
    made.record(kit, *events)
    Followers(kit, [Coolers(kit)]).catch_up()


def excursions(kit: Kit) -> list[ExcursionRow]:
    with kit.store.read() as session:
        return list(session.scalars(select(ExcursionRow).order_by(ExcursionRow.opened_s)))


def now(kit: Kit, source: str = VAN) -> shown.Cooler:
    with kit.store.read() as session:
        return shown.cooler(kit, session.get_one(CoolerStateRow, source))


def test_a_warm_half_hour_is_one_excursion_that_recovers_and_stays_open(any_kit: Kit, clock: FakeClock) -> None:
    follow(any_kit, *(cooler(seq, temp) for seq, temp in enumerate(WARM_HALF_HOUR)))
    clock.time_s = T0 + 60 * len(WARM_HALF_HOUR)
    (one,) = excursions(any_kit)
    assert (one.source, one.rule, one.limit_c, one.extreme_c) == (VAN, "warm_7", 7.0, 9.0)
    assert one.began_s == pytest.approx(T0 + 60 * (4 + 3 / 5))
    assert one.opened_s == pytest.approx(one.began_s + 900)
    assert one.recovered_s is not None
    assert one.closed_s is None
    assert now(any_kit).state == "ok"


def test_opening_asks_for_a_new_plan_once(kit: Kit) -> None:
    follow(kit, *(cooler(seq, temp) for seq, temp in enumerate(WARM_HALF_HOUR)))
    with kit.store.read() as session:
        (trigger,) = session.scalars(select(TriggerRow)).all()
    assert (trigger.kind, trigger.subject) == ("warm_cooler", "van-1")


def test_a_hubs_fridge_is_judged_as_medication(kit: Kit) -> None:
    follow(kit, *(cooler(seq, 8.5, source=FRIDGE) for seq in range(17)))
    (one,) = excursions(kit)
    assert (one.source, one.rule) == (FRIDGE, "warm_8")
    assert now(kit, FRIDGE).holds == "fridge"


def test_restart_at_any_reading_gives_the_same(any_kit: Kit) -> None:
    for seq, temp in enumerate(WARM_HALF_HOUR):
        follow(any_kit, cooler(seq, temp))  # each with followers made anew
    piecewise = [(row.id, row.began_s, row.opened_s, row.extreme_c, row.recovered_s) for row in excursions(any_kit)]
    with any_kit.store.write() as session:
        for row in session.scalars(select(ExcursionRow)):
            session.delete(row)
        for state in session.scalars(select(CoolerStateRow)):
            session.delete(state)
        session.merge(CursorRow(follower="coldchain", event_id=0))
    Followers(any_kit, [Coolers(any_kit)]).catch_up()
    whole = [(row.id, row.began_s, row.opened_s, row.extreme_c, row.recovered_s) for row in excursions(any_kit)]
    assert whole == piecewise


def test_replay_over_what_stands_adds_nothing(kit: Kit) -> None:
    follow(kit, *(cooler(seq, temp) for seq, temp in enumerate(WARM_HALF_HOUR)))
    before = [row.id for row in excursions(kit)]
    with kit.store.write() as session:
        session.merge(CursorRow(follower="coldchain", event_id=0))
    Followers(kit, [Coolers(kit)]).catch_up()
    assert [row.id for row in excursions(kit)] == before


@pytest.mark.parametrize("seed", range(4))
def test_readings_stored_and_forwarded_in_any_order_find_the_same_excursion(kit: Kit, seed: int) -> None:
    events = [cooler(seq, temp) for seq, temp in enumerate(WARM_HALF_HOUR)]
    random.Random(seed).shuffle(events)
    follow(kit, *events)
    assert len(excursions(kit)) >= 1
    last = excursions(kit)[-1]
    assert last.extreme_c == 9.0
    assert now(kit).product_c == 4.0
    assert now(kit).gaps == []


def test_a_late_hour_brings_its_excursion_to_light_and_takes_none_away(kit: Kit) -> None:
    events = [cooler(seq, temp) for seq, temp in enumerate(WARM_HALF_HOUR)]
    follow(kit, *events[:6], *events[32:])
    assert excursions(kit) == []
    assert len(now(kit).gaps) == 1
    follow(kit, *events[6:32])
    (one,) = excursions(kit)
    assert one.opened_s == pytest.approx(T0 + 60 * (4 + 3 / 5) + 900)
    assert now(kit).gaps == []


def test_a_late_reading_does_not_overwrite_what_the_cooler_says_now(kit: Kit) -> None:
    follow(kit, cooler(5, 4.0), cooler(2, 6.0))
    assert (now(kit).t_s, now(kit).product_c) == (T0 + 300, 4.0)


def test_silence_is_unknown(kit: Kit, clock: FakeClock) -> None:
    follow(kit, cooler(0, 4.0))
    assert now(kit).state == "ok"
    clock.time_s = T0 + 121
    assert now(kit).state == "unknown"


def test_lid_and_node_alarm_are_shown_the_newest_of_each(kit: Kit) -> None:
    follow(
        kit,
        cooler(0, 4.0),
        Lid(source=VAN, boot=1, seq=10, t_s=T0 + 20, open=True),
        Lid(source=VAN, boot=1, seq=9, t_s=T0 + 10, open=False),
        Alarm(source=VAN, boot=1, seq=11, t_s=T0 + 200, reason="lid_open", value=180.0),
    )
    assert (now(kit).lid_open, now(kit).lid_s) == (True, T0 + 20)
    assert (now(kit).node_alarm, now(kit).node_alarm_s) == ("lid_open", T0 + 200)


def alarm(reason: str, t_s: float, seq: int = 500) -> Alarm:
    return Alarm(source=VAN, boot=1, seq=seq, t_s=t_s, reason=reason, value=None)  # type: ignore[arg-type]


def test_a_lost_probe_is_past_once_it_measures_again_and_not_before(kit: Kit) -> None:
    follow(kit, cooler(0, 4.0), cooler(1, None), alarm("probe_lost", T0 + 90), cooler(2, None))
    assert (now(kit).node_alarm, now(kit).node_alarm_over_s) == ("probe_lost", None)
    follow(kit, cooler(3, 4.0))
    assert (now(kit).node_alarm, now(kit).node_alarm_over_s) == ("probe_lost", T0 + 180)
    follow(kit, cooler(4, None), alarm("probe_lost", T0 + 290, seq=501))
    assert now(kit).node_alarm_over_s is None


def test_an_alarm_is_past_when_its_node_says_so_also_before_any_reading_does(kit: Kit) -> None:
    follow(kit, cooler(0, 4.0), cooler(1, 7.4), alarm("too_warm", T0 + 90), alarm("too_cold_over", T0 + 91, seq=501))
    assert (now(kit).node_alarm, now(kit).node_alarm_over_s) == ("too_warm", None)
    follow(kit, alarm("too_warm_over", T0 + 100, seq=502))
    assert (now(kit).node_alarm, now(kit).node_alarm_s, now(kit).node_alarm_over_s) == ("too_warm", T0 + 90, T0 + 100)
    follow(kit, alarm("too_warm_over", T0 + 50, seq=503), alarm("too_warm_over", T0 + 140, seq=504))
    assert now(kit).node_alarm_over_s == T0 + 100


def test_an_alarm_that_comes_after_what_ended_it_is_past_at_once(kit: Kit) -> None:
    shut = Lid(source=VAN, boot=1, seq=900, t_s=T0 + 100, open=False)
    follow(kit, cooler(0, 4.0), shut, alarm("lid_open", T0 + 50))
    assert now(kit).node_alarm_over_s == T0 + 100


def test_an_excursion_that_nobody_closes_escalates(kit: Kit, clock: FakeClock) -> None:
    follow(kit, *(cooler(seq, temp) for seq, temp in enumerate(WARM_HALF_HOUR)))
    (one,) = excursions(kit)
    with kit.store.read() as session:
        clock.time_s = one.opened_s + 1800
        assert not shown.excursion(session, kit, one).escalated
        clock.time_s += 1
        assert shown.excursion(session, kit, one).escalated
