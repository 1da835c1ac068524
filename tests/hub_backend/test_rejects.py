"""What was set aside: bounded whoever sends it, all of it counted, and taken in again after a fix."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from edge_gateway.contract import messages, topics
from edge_gateway.contract.topics import Address
from hub_backend import rejects
from hub_backend.__main__ import main
from hub_backend.intake.ledger import Ledger
from hub_backend.kit import Kit
from hub_backend.record import EventRow, RejectRow, SourceRow
from hub_backend.rejects import NOT_KEPT, TAKEN_IN, Refusal, set_aside
from tests.hub_backend import made
from tests.hub_backend.made import KEYS, T0, batch, position, read

VAN_1, VAN_2 = (Address("buurenzo", "colmschate", name) for name in ("van-1", "van-2"))
TOPIC = VAN_1.topic(topics.EVENTS)


def rows(kit: Kit) -> Sequence[RejectRow]:
    with kit.store.read() as session:
        return session.scalars(select(RejectRow).order_by(RejectRow.id)).all()


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ROWS": 60, "ROOM": 10, "AT_ONCE": 5, "FIELDS": 4}.items():
        monkeypatch.setattr(rejects, name, value)


@pytest.mark.whole
def test_a_flood_of_bad_events_is_bounded_counted_and_costs_nobody_else_a_row(any_kit: Kit, little_room: None) -> None:
    ledger = Ledger(any_kit.store)
    ledger.write([read(VAN_2, batch([b"17"] * 4))], now_s=T0)
    for at in range(40):
        bad = [b'{"kind":"banana","n":%d}' % (50 * at + n) for n in range(50)]
        ledger.write([read(VAN_1, batch(bad, first_n=50 * at + 1))], now_s=T0 + at)
    kept = rows(any_kit)
    assert len(kept) <= 60 + 10 + 2
    assert sum(row.count for row in kept) == 4 + 2000
    assert sum(row.origin.startswith("van-2 ") for row in kept) == 4
    assert [row.payload for row in kept if row.origin == "van-1 telemetry 2000"] == [b'{"kind":"banana","n":1999}']
    (counted,) = [row for row in kept if row.reason == NOT_KEPT]
    assert (counted.origin, counted.field, counted.payload) == ("van-1", "kind", None)


@pytest.mark.whole
def test_topics_and_reasons_without_end_are_bounded_and_counted(any_kit: Kit, little_room: None) -> None:
    for at in range(30):
        with any_kit.store.write() as session:
            strange = [Refusal(f"buurtrit/v1/o/h/g{at}-{n}/up/events", "topic", "unknown") for n in range(5)]
            strange += [Refusal(f"van-1 node{at}-{n}", f"f{at}-{n}", "bad", comes_again=True) for n in range(5)]
            set_aside(session, *strange, now_s=T0 + at)
    kept = rows(any_kit)
    assert sum(row.count for row in kept) == 300
    assert len(kept) <= 60 + 10 + 2 * (4 + 1)
    counted = [row for row in kept if row.reason == NOT_KEPT]
    assert {row.origin for row in counted} == {"messages", "van-1"}
    assert {row.field for row in counted if row.origin == "van-1"} >= {""}, "more fields than are told apart"


@pytest.fixture
def ask(kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Runs the command on the record of `kit`; its exit code and its answer."""
    config = tmp_path / "hub.toml"
    config.write_text(
        f'org = "buurenzo"\nhubs = ["colmschate"]\ndatabase_url = "{kit.store.engine.url}"\n'
        f'[gateways.van-1]\nhub = "colmschate"\nrole = "van"\nkey = "{KEYS["van-1"]}"\n'
    )

    def run(*words: str) -> tuple[int, Any]:
        code = main(["rejects", *words, "--config", str(config), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def aside(kit: Kit, *refusals: Refusal) -> list[int]:
    return Ledger(kit.store).write(refusals, now_s=T0 + 60).rejects


def event_of(n: int, seq: int) -> Refusal:
    return Refusal(f"van-1 telemetry {n}", "kind", "not understood", payload=messages.encode(position(seq)))


def test_what_an_older_version_did_not_understand_is_listed_and_taken_in_once(
    kit: Kit, ask: Callable[..., tuple[int, Any]]
) -> None:
    Ledger(kit.store).write([read(VAN_1, batch([position(0), position(2)]))], now_s=T0)
    (reject,) = aside(kit, event_of(2, 1))
    code, listed = ask("list", "--payload")
    assert code == 0
    assert [(row["id"], row["origin"], row["field"], row["count"]) for row in listed] == [
        (reject, "van-1 telemetry 2", "kind", 1)
    ]
    assert json.loads(listed[0]["payload"])["seq"] == 1 and listed[0]["payload_bytes"] > 0
    assert ask("retry") == (0, {"taken": [reject], "new_events": 1, "refused": {}})
    assert ask("retry") == (0, {"taken": [], "new_events": 0, "refused": {}})
    with kit.store.read() as session:
        event = session.scalars(select(EventRow).where(EventRow.seq == 1)).one()
        source = session.scalars(select(SourceRow)).one()
    assert (event.t_s, event.received_s) == (T0 + 1, T0 + 60)
    assert (source.received, source.highest_seq) == (3, 2), "the gap is closed"
    assert [(row.origin, row.reason, row.count) for row in rows(kit)] == [("van-1", TAKEN_IN, 1)]


def test_what_is_still_not_understood_stays_with_its_reason(kit: Kit, ask: Callable[..., tuple[int, Any]]) -> None:
    Ledger(kit.store).write([read(VAN_1, batch([b'{"kind":"banana"}']))], now_s=T0)
    stays, known = rows(kit)[0].id, aside(kit, event_of(3, 7))[0]
    nothing = aside(kit, Refusal("proof event 5 van-1", "delivered", "unknown"))[0]
    code, answer = ask("retry", str(stays), str(nothing))
    assert code == 1 and answer["taken"] == []
    assert "banana" in answer["refused"][str(stays)] and "nothing" in answer["refused"][str(nothing)]
    assert ask("retry", str(known))[1]["taken"] == [known]
    assert {row.id for row in rows(kit)} >= {stays, nothing}


def test_a_message_that_could_not_be_opened_is_taken_in_once_it_can(
    kit: Kit, ask: Callable[..., tuple[int, Any]]
) -> None:
    sealed = (
        made.settings("sqlite://")
        .gateways["van-1"]
        .seal()
        .close(messages.encode(batch([position(0), position(1)])), topic=TOPIC)
    )
    Ledger(kit.store).write([read(VAN_1, batch([position(1)], first_n=2))], now_s=T0)
    refusal = Refusal(TOPIC, "payload", "no seal", payload=sealed, comes_again=True)
    (reject,) = aside(kit, refusal)
    aside(kit, refusal)
    assert ask("retry") == (0, {"taken": [reject], "new_events": 1, "refused": {}})
    assert [(row.origin, row.reason, row.count) for row in rows(kit)] == [("messages", TAKEN_IN, 2)]
