"""Followers take each event once, across restarts, and nothing that one event breaks stops the others."""

from collections.abc import Iterable, Sequence

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.orm import Session

from edge_gateway.contract.messages import AnyEvent, Position, Vehicle
from hub_backend.kit import Kit
from hub_backend.projections.follower import AwayError, CannotTakeError, Follower, Received
from hub_backend.projections.followers import Followers, newest_event
from hub_backend.record import CursorRow, RejectRow, SeriesRow
from hub_backend.shown import Change
from tests.hub_backend import made
from tests.hub_backend.made import T0, position


class Noting(Follower):
    """Writes a row for each event; fails as told."""

    name = "noting"
    kinds: frozenset[type[AnyEvent]] = frozenset({Position})

    def __init__(self) -> None:
        self.prefix = ""
        self.fails: dict[int, Exception] = {}
        self.sending: Exception | None = None
        self.finishing: Exception | None = None
        self.sent: list[int] = []

    def send(self, events: Sequence[Received]) -> None:
        if self.sending is not None:
            raise self.sending
        self.sent += [received.event.seq for received in events]

    def take(self, session: Session, received: Received) -> Iterable[Change]:
        failure = self.fails.get(received.event.seq)
        if failure is not None:
            raise failure
        session.add(SeriesRow(source="noted", field=f"{self.prefix}{received.id}", t_s=received.event.t_s, value=1.0))
        session.flush()
        return []

    def finish(self, session: Session, events: Sequence[Received]) -> None:
        if self.finishing is not None:
            raise self.finishing


def noted(kit: Kit) -> list[float]:
    with kit.store.read() as session:
        return [t_s - T0 for t_s in session.scalars(select(SeriesRow.t_s).order_by(SeriesRow.t_s))]


def rejects(kit: Kit) -> list[RejectRow]:
    with kit.store.read() as session:
        return list(session.scalars(select(RejectRow)))


def test_events_are_taken_in_order_and_once_across_restarts(any_kit: Kit) -> None:
    made.record(any_kit, position(0), position(1))
    assert Followers(any_kit, [Noting()]).catch_up() == 2
    made.record(any_kit, position(2))
    restarted = Followers(any_kit, [Noting()])
    assert restarted.behind(newest_event(any_kit)) == {"noting": 1}
    assert restarted.catch_up() == 1
    assert restarted.catch_up() == 0
    assert noted(any_kit) == [0, 1, 2]


def test_what_it_wrote_and_its_cursor_are_one_transaction(any_kit: Kit) -> None:
    follower = Noting()
    follower.finishing = AwayError("the series are away")
    made.record(any_kit, position(0))
    followers = Followers(any_kit, [follower])
    with pytest.raises(AwayError):
        followers.catch_up()
    assert noted(any_kit) == []
    with any_kit.store.read() as session:
        assert session.get(CursorRow, "noting") is None
    follower.finishing = None
    assert followers.catch_up() == 1
    assert noted(any_kit) == [0]


def test_one_that_is_away_does_not_hold_up_the_others(kit: Kit) -> None:
    away, well = Noting(), Noting()
    away.name, away.finishing = "away", AwayError("gone")
    made.record(kit, position(0))
    followers = Followers(kit, [away, well])
    with pytest.raises(AwayError):
        followers.catch_up()
    assert followers.behind(newest_event(kit)) == {"away": 1, "noting": 0}


def test_an_event_it_cannot_take_is_set_aside_with_its_reason(kit: Kit) -> None:
    follower = Noting()
    follower.fails[1] = CannotTakeError("stop", "unknown")
    made.record(kit, position(0), position(1), position(2))
    Followers(kit, [follower]).catch_up()
    assert noted(kit) == [0, 2]
    (row,) = rejects(kit)
    assert (row.origin, row.field, row.reason) == ("noting event 2 van-1", "stop", "unknown")


@pytest.mark.parametrize("failure", [KeyError("a bug"), ZeroDivisionError()])
def test_an_event_that_breaks_it_is_found_and_set_aside_alone(any_kit: Kit, failure: Exception) -> None:
    follower = Noting()
    follower.fails[1] = failure
    made.record(any_kit, position(0), position(1), position(2))
    followers = Followers(any_kit, [follower])
    assert followers.catch_up() == 3
    assert noted(any_kit) == [0, 2]
    (row,) = rejects(any_kit)
    assert type(failure).__name__ in row.reason
    assert followers.behind(newest_event(any_kit)) == {"noting": 0}


def test_other_kinds_move_the_cursor_too(kit: Kit) -> None:
    made.record(kit, position(0), Vehicle(source="van-1", boot=1, seq=1, t_s=T0, soc_percent=50))
    followers = Followers(kit, [Noting()])
    followers.catch_up()
    assert followers.behind(newest_event(kit)) == {"noting": 0}


def test_more_events_than_one_batch_are_all_taken(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_backend.projections.followers.BATCH_EVENTS", 7)
    made.record(kit, *(position(seq) for seq in range(23)))
    assert Followers(kit, [Noting()]).catch_up() == 23
    assert len(noted(kit)) == 23


def test_followers_go_together_in_one_transaction(kit: Kit) -> None:
    first, second = Noting(), Noting()
    first.name, second.kinds = "first", frozenset({Vehicle})
    made.record(kit, position(0), Vehicle(source="van-1", boot=1, seq=1, t_s=T0 + 1, soc_percent=50))
    written: list[Connection] = []
    event.listen(kit.store.engine, "commit", written.append)
    assert Followers(kit, [first, second]).catch_up() == 2
    assert len(written) == 1
    assert noted(kit) == [0, 1]


def test_one_that_breaks_in_company_takes_nothing_from_the_others_and_doubles_nothing(any_kit: Kit) -> None:
    breaks, well = Noting(), Noting()
    breaks.name, breaks.prefix = "breaks", "b"
    breaks.fails[1] = ZeroDivisionError()
    made.record(any_kit, position(0), position(1), position(2))
    followers = Followers(any_kit, [well, breaks])
    followers.catch_up()
    assert noted(any_kit) == [0, 0, 1, 2, 2]
    assert followers.behind(newest_event(any_kit)) == {"noting": 0, "breaks": 0}
    assert [row.origin for row in rejects(any_kit)] == ["breaks event 2 van-1"]


def test_one_that_was_away_catches_up_alone_and_joins_the_others(kit: Kit) -> None:
    away, well = Noting(), Noting()
    away.name, away.prefix, away.sending = "away", "a", AwayError("gone")
    made.record(kit, position(0), position(1))
    followers = Followers(kit, [away, well])
    with pytest.raises(AwayError):
        followers.catch_up()
    made.record(kit, position(2))
    away.sending = None
    followers.catch_up()
    assert noted(kit) == [0, 0, 1, 1, 2, 2]
    assert away.sent == [0, 1, 2]  # what was tried in vain is not counted here


def test_followers_let_the_record_go_first_but_not_for_ever(kit: Kit) -> None:
    made.record(kit, *(position(seq) for seq in range(3)))
    followers = Followers(kit, [Noting()])
    looked: list[bool] = []

    def pressed() -> bool:
        looked.append(True)
        return True

    followers.gives_way_to = pressed
    assert followers.catch_up() == 3
    assert looked
