"""The planner's page in a real browser: what must be in sight, what an order needs, what cannot be taken back."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.screens.running_day import DAY, RunningDay

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NARROW = {"width": 1280, "height": 800}
WIDE = {"width": 1600, "height": 950}
NOTE = ("Proefstraat 1: goederen zijn over hun tijd", "Proefstraat 1: goods are past their time")
FAILURE = ("Er is geen nieuw plan gemaakt", "No new plan was made")


def changed(page: Page, path: str, **more: object) -> None:
    """What the hub answers there has these values instead."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body: dict[str, Any] = response.json()
        for name, value in more.items():
            held: object = body.get(name)
            body[name] = {**held, **value} if isinstance(held, dict) and isinstance(value, dict) else value
        route.fulfill(response=response, body=json.dumps(body))

    page.route(re.compile(rf"{path}$"), answer)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_what_to_mind_about_the_plan_is_in_sight_whatever_is_open(
    size: dict[str, int], day: RunningDay, bare_page: Page
) -> None:
    left = {
        "stop": "x",
        "client": "c",
        "address": "Proefstraat 2",
        "reason": "te laat",
        "reason_en": "late",
        "code": "",
    }
    many = [left | {"stop": f"y{n}", "address": f"Proefweg {n}", "reason": "geen bus"} for n in (1, 2)]
    changed(bare_page, f"/api/days/{DAY}/plan", notes=[NOTE[0]], notes_en=[NOTE[1]], left=[left, *many])
    changed(bare_page, "/api/health", dispatch={"failure": FAILURE[0], "failure_en": FAILURE[1]})
    bare_page.set_viewport_size({"width": size["width"], "height": size["height"]})
    bare_page.goto(day.hub.url)
    for tab in ("Nieuwe opdracht", "Bussen"):
        bare_page.get_by_role("tab", name=tab).click()
        mind = bare_page.get_by_role("region", name="Let op")
        expect(mind).to_contain_text(NOTE[0])
        expect(mind).to_contain_text(FAILURE[0])
        without = bare_page.get_by_role("region", name="Geen plek gevonden")
        expect(without).to_contain_text("Proefstraat 2: te laat")
        expect(without).to_contain_text("geen bus (2): Proefweg 1, Proefweg 2")
    bare_page.get_by_role("button", name="English").click()
    mind = bare_page.get_by_role("region", name="Please note")
    expect(mind).to_contain_text(NOTE[1])
    expect(mind).to_contain_text(FAILURE[1])


def test_a_plan_that_a_van_does_not_hold_is_said(day: RunningDay, bare_page: Page) -> None:
    plan = day.plan()
    assert plan is not None
    held = {route["van"]: route["acknowledged_revision"] == plan["revision"] for route in plan["routes"]}
    assert held["van-1"] and not held["van-2"], "van 2 is played: no gateway of its own acknowledges"
    changed(bare_page, f"/api/days/{DAY}/plan", made_s=plan["made_s"] - 600)  # it has had the time
    bare_page.goto(day.hub.url)
    for concierge, shown in (("Anneke", 0), ("Joost", 1)):
        card = bare_page.get_by_role("article").filter(has=bare_page.get_by_role("button", name=concierge))
        expect(card).to_be_visible()
        expect(card.get_by_text("nieuwste rit nog niet ontvangen")).to_have_count(shown)


def test_only_addresses_are_counted(day: RunningDay, page: Page) -> None:
    route = day.route("van-1")
    addresses = [stop for stop in route["stops"] if stop["kind"] not in ("reload", "charge", "rest", "fetch")]
    assert len(addresses) < len(route["stops"])
    page.goto(day.hub.url)
    card = page.get_by_role("article").filter(has=page.get_by_role("button", name="Anneke"))
    expect(card.get_by_text(re.compile(rf"van {len(addresses)} adressen"))).to_be_visible()
    state = day.van.state()
    page.goto(day.van.url)
    page.get_by_role("button", name="Hele dag", exact=True).click()
    assert state.plan is not None
    expect(page.get_by_text(re.compile(rf"van {len(addresses)} gedaan"))).to_be_visible()


def test_a_chore_is_ordered_with_what_it_is(day: RunningDay, page: Page) -> None:
    address = day.route("van-1")["stops"][-1]["address"]
    street, _, house = address.rpartition(" ")
    page.goto(day.hub.url)
    page.get_by_role("tab", name="Nieuwe opdracht").click()
    page.get_by_label("Straat").fill(street)
    page.get_by_label("Nummer").fill(house)
    page.get_by_label("Soort").select_option("klusje")
    page.get_by_label("Vanaf").fill("14:00")
    page.get_by_label("Tot", exact=True).fill("13:00")
    page.get_by_label("Wat is het klusje?").fill("lamp verwisselen")
    page.get_by_role("button", name="Opdracht toevoegen").click()
    expect(page.get_by_role("alert").filter(has_text="Tot: het einde moet na het begin liggen.")).to_be_visible()
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Add order").click()
    expect(page.get_by_role("alert").filter(has_text="Until: the end must come after the beginning.")).to_be_visible()


def test_an_order_is_cancelled_only_when_it_is_asked_twice(day: RunningDay, page: Page) -> None:
    stops = [stop for stop in day.route("van-3")["stops"] if stop["state"] == "open" and stop["orders"]]
    stop = stops[-1]
    page.goto(day.hub.url)
    page.get_by_role("button", name="Samira").click()
    page.get_by_role("button", name=stop["address"]).last.click()
    order = stop["orders"][0]
    page.get_by_role("button", name=f"Opdracht {order} annuleren").click()
    page.get_by_role("button", name="Niet annuleren").click()
    expect(page.get_by_role("button", name=f"Opdracht {order} annuleren")).to_be_visible()
    still = next(one for one in day.route("van-3")["stops"] if one["stop"] == stop["stop"])
    assert order in still["orders"]


def test_a_van_that_somebody_takes_out_of_service_is_shown_so_at_once(day: RunningDay, page: Page) -> None:
    page.goto(day.hub.url)
    card = page.get_by_role("article").filter(has_text="Joost")
    expect(card).to_be_visible()
    day.hub.post("/api/vans/van-2/service", {"in_service": False, "reason": "lekke band"})
    try:
        expect(card).to_contain_text("Buiten dienst: lekke band")
    finally:
        day.hub.post("/api/vans/van-2/service", {"in_service": True, "reason": ""})
