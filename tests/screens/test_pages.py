"""The pages in a real browser: they load, ask nobody else, can be read by everybody, and follow what happens."""

import re
from collections import Counter
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from edge_gateway.contract.messages import Cooler, Lane, NodeStatus, Outcome, Position, Rejected, Span, Tour, Visit
from hub_backend.stop_ref import stop_of_ref
from tests.edge_gateway.rig import wait_until
from tests.screens.conftest import Seen
from tests.screens.running_day import DAY, NOW_S, RunningDay, sign
from tests.screens.served import http

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES: dict[str, Callable[[RunningDay], str]] = {
    "planner": lambda day: day.hub.url,
    "coolers": lambda day: f"{day.hub.url}/coolers",
    "figures": lambda day: f"{day.hub.url}/figures",
    "equipment": lambda day: f"{day.hub.url}/equipment",
    "concierge": lambda day: day.van.url,
    "intake": lambda day: day.depot.url,
}
SIZES = ((390, 844), (800, 1280), (1600, 950), (1280, 800))


def ready(page: Page) -> None:
    """The page shows what the server said."""
    expect(page.get_by_text("Gegevens ophalen")).to_have_count(0)
    expect(
        page.get_by_text("Live", exact=True).or_(page.get_by_role("navigation", name="Onderdelen")).first
    ).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_without_complaint_and_asks_nobody_else(name: str, day: RunningDay, page: Page, seen: Seen) -> None:
    url = PAGES[name](day)
    page.goto(url)
    ready(page)
    for width, height in SIZES:  # nothing sticks out sideways, at any size
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_timeout(1200 if name == "planner" else 200)  # tiles, fonts and the map's worker come last
    assert seen.complaints == []
    assert seen.origins - {"blob:", "data:"} <= {"/".join(url.split("/")[:3])}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_fault_by_day_nor_by_night(name: str, day: RunningDay, page: Page) -> None:
    if name == "concierge":
        day.van.come_to_a_door()
    page.goto(PAGES[name](day))
    ready(page)
    if name == "planner":
        page.get_by_role("button", name="Anneke").click()
    if name == "concierge":
        page.get_by_role("button", name="Contact").click()
    faults = serious(page)
    page.evaluate("document.documentElement.dataset.theme = 'night'")
    assert faults + serious(page) == []


def test_axe_finds_no_serious_fault_on_the_concierges_other_views(day: RunningDay, page: Page) -> None:
    page.goto(day.van.url)
    for tab in ("Laden", "Hele dag", "Versturen"):
        page.get_by_role("button", name=tab, exact=True).click()
        assert serious(page) == []


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:160]} {fault['nodes'][0].get('failureSummary', '')[:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_english_is_one_press_away_and_remembered(name: str, day: RunningDay, page: Page) -> None:
    page.goto(PAGES[name](day))
    ready(page)
    if name in ("concierge", "intake"):
        page.get_by_role("button", name="Versturen", exact=True).click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Nederlands")).to_be_visible()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")


# ---------------------------------------------------------------- planner


def test_attribution_is_shown(day: RunningDay, page: Page) -> None:
    page.goto(day.hub.url)
    attribution = day.hub.get("/api/map")["attribution"]
    assert attribution
    expect(page.get_by_role("region", name="Kaart").get_by_text(attribution)).to_be_visible()


def test_a_van_without_a_fix_for_a_minute_is_visibly_stale(day: RunningDay, page: Page) -> None:
    page.goto(day.hub.url)
    expect(page.get_by_text(re.compile("Uit beeld sinds"))).to_have_count(1)
    expect(page.locator(".map-van.stale")).to_have_count(1)
    expect(page.locator(".map-van.stale")).to_contain_text("min oud")


def test_a_fix_is_on_the_map_within_two_seconds(day: RunningDay, page: Page) -> None:
    page.goto(day.hub.url)
    marker = page.locator(".map-van", has_text=re.compile("^2"))
    expect(marker).to_be_visible()
    page.wait_for_timeout(1000)  # the map has come to rest
    before = marker.bounding_box()
    van = next(van for van in day.hub.get("/api/vans") if van["id"] == "van-2")
    day.tell(Position(source="van-2", boot=1, seq=0, t_s=NOW_S + 20, fix="3d", lat=van["lat"] + 0.004, lon=van["lon"]))
    page.wait_for_timeout(2000)
    after = marker.bounding_box()
    assert before is not None
    assert after is not None
    assert before["y"] - after["y"] > 20


def test_a_stop_is_locked_by_keyboard_alone(day: RunningDay, page: Page) -> None:
    stops = day.route("van-1")["stops"]
    how_often = Counter(one["address"] for one in stops)  # a resident may be called on twice a day
    stop = next(
        one for one in stops[::-1] if one["state"] == "open" and not one["locked"] and how_often[one["address"]] == 1
    )
    page.goto(day.hub.url)
    expect(page.get_by_role("button", name="Anneke")).to_be_visible()
    tab_to(page, "Anneke")
    page.keyboard.press("Enter")
    tab_to(page, stop["address"])
    page.keyboard.press("Enter")
    tab_to(page, "Vastzetten")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Losmaken")).to_be_visible()

    def is_locked() -> bool:
        here = stop_of_ref(stop["stop"])
        return any(one["locked"] for one in day.hub.get(f"/api/days/{DAY}/stops") if one["id"] == here)

    wait_until(is_locked)


def tab_to(page: Page, words: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if words in page.evaluate(
            "[document.activeElement].filter(one => one.matches('button')).map(one => one.textContent).join()"
        ):
            return
    raise AssertionError(f"Tab never came to {words!r}")


def test_what_changed_and_why_is_told(day: RunningDay, page: Page) -> None:
    page.goto(day.hub.url)
    page.get_by_role("tab", name="Wat veranderde en waarom").click()
    changed = next(plan for plan in day.hub.get(f"/api/days/{DAY}/plans") if plan["changes"])
    entry = page.get_by_role("listitem").filter(has_text=re.compile(rf"versie {changed['revision']}\b"))
    for words in (changed["reason"], changed["changes"][0]["words"]):
        expect(entry).to_contain_text(re.sub(r"van-(\d)", r"Bus \1", words), ignore_case=True)


def test_a_refused_order_says_which_field_and_why(day: RunningDay, page: Page) -> None:
    page.goto(day.hub.url)
    page.get_by_role("tab", name="Nieuwe opdracht").click()
    page.get_by_label("Straat").fill("Nergensstraat")
    page.get_by_label("Nummer").fill("1")
    page.get_by_label("Leverancier").select_option("Pakketpunt Oost")
    page.get_by_role("button", name="Opdracht toevoegen").click()
    refused = page.get_by_role("alert")
    expect(refused.filter(has_text="Adres: Nergensstraat 1 staat niet op de kaart van deze hub.")).to_be_visible()


def test_an_order_that_may_wait_is_taken_and_a_meal_that_may_not_is_told_why(day: RunningDay, page: Page) -> None:
    address = day.hub.get(f"/api/days/{DAY}/stops")[0]["address"].rpartition(" ")
    page.goto(day.hub.url)
    page.get_by_role("tab", name="Nieuwe opdracht").click()
    page.get_by_label("Straat").fill(address[0])
    page.get_by_label("Nummer").fill(address[2])
    page.get_by_label("Leverancier").select_option(index=1)
    page.get_by_label("Mag wachten tot en met").fill("2026-11-25")
    goods = page.locator("select", has=page.locator("option[value=chilled_meal]"))
    goods.select_option("chilled_meal")
    page.get_by_role("button", name="Opdracht toevoegen").click()
    expect(page.get_by_role("alert").filter(has_text="kan niet wachten")).to_be_visible()
    goods.select_option("parcel")
    page.get_by_role("button", name="Opdracht toevoegen").click()
    expect(page.get_by_role("status").filter(has_text=address[0])).to_be_visible()


# ---------------------------------------------------------------- coolers


def test_an_excursion_is_signed_for_by_a_person(day: RunningDay, page: Page) -> None:
    page.goto(f"{day.hub.url}/coolers")
    expect(page.get_by_role("heading", name="Bus 2, koelbox").last).to_be_visible()
    contents = page.get_by_role("region", name="Wat lag erin")
    excursion = next(one for one in day.hub.get("/api/excursions") if one["source"] == "van-2/cooler")
    inside = [one for one in excursion["contents"] if one["out_s"] is None]
    expect(contents.get_by_text(f"Ligt er nog in: {len(inside)}")).to_be_visible()
    meal = next(one for one in inside if one["goods"] == "chilled_meal" and one["code"] in day.codes[day.meal_stop])
    expect(contents.get_by_role("listitem").filter(has_text=meal["code"])).to_contain_text("Koelverse maaltijd")
    door = {"outcome": Outcome.CONTACT_DOOR, "step": 1, "delivered": (meal["code"],)}
    visit = Visit(source="van-2", boot=1, seq=0, t_s=NOW_S - 60, stop=meal["stop"], **door)  # type: ignore[arg-type]
    day.tell(visit, lane=Lane.BUSINESS)
    out = len(excursion["contents"]) - len(inside) + 1
    expect(contents.get_by_text(f"Lag erin, nu eruit: {out}")).to_be_visible()
    page.get_by_label("vernietigd").check()
    page.get_by_label("Toelichting").fill("Deksel stond open bij de Muntlaan.")
    page.get_by_label("Afgetekend door").fill("Ria ten Have")
    page.get_by_role("button", name="Aftekenen en sluiten").click()
    expect(page.get_by_text("Geen open afwijkingen.")).to_be_visible()
    expect(page.get_by_text("vernietigd, afgetekend door Ria ten Have")).to_be_visible()
    page.get_by_text(f"Lag erin: {len(excursion['contents'])}").click()
    if len(inside) > 1:  # else nothing is left in it, and what is out lies open
        page.get_by_text(f"Lag erin, nu eruit: {out}").click()
    expect(page.get_by_text(meal["code"])).to_be_visible()
    expect(page.get_by_text("Wat erin lag is niet bekend: hier is niets gescand.")).to_be_visible()  # of the other hub


def test_a_reading_is_shown_as_it_comes(day: RunningDay, page: Page) -> None:
    page.goto(f"{day.hub.url}/coolers")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Hub Zuid, koelkast").first).to_be_visible()
    felt = Span(5.7, 5.6, 5.8)
    source = "hub-zuid/fridge"
    day.tell(Cooler(source=source, boot=1, seq=0, t_s=NOW_S + 60, period_s=60.0, air=felt, product=felt))
    expect(page.get_by_text("5,7 °C").first).to_be_visible()


def test_a_silent_cooler_is_never_in_order(day: RunningDay, page: Page) -> None:
    page.goto(f"{day.hub.url}/coolers")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Bus 3, koelbox"))
    expect(card.get_by_text("Geen meting", exact=True)).to_be_visible()
    expect(card.get_by_text(re.compile("al . min geen meting"))).to_be_visible()


# ---------------------------------------------------------------- figures


def test_every_figure_has_its_method_beside_it(day: RunningDay, page: Page) -> None:
    share = day.hub.get(f"/api/days/{DAY}/figures")["contact"]["share"]
    page.goto(f"{day.hub.url}/figures")
    expect(page.get_by_text(f"{share * 100:.0f}%", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("Aandeel = contact"))).to_be_visible()
    expect(page.get_by_text(re.compile("volgens de methode van ISO 14083"))).to_be_visible()
    page.get_by_text("Aannames").click()
    expect(page.get_by_text(re.compile("^Brievenbuspost telt niet mee"))).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text(re.compile("^Letterbox items are left out"))).to_be_visible()


def test_a_day_without_anything_is_no_day_that_saved_zero(day: RunningDay, page: Page) -> None:
    page.goto(f"{day.hub.url}/figures?day=2026-11-30")
    expect(page.get_by_text("Op deze dag is niets besteld en niets gereden.")).to_be_visible()
    expect(page.get_by_text("CO2e bespaard")).to_have_count(0)


def test_an_unknown_saving_is_never_a_zero(day: RunningDay, page: Page) -> None:
    before_s = NOW_S - 48 * 3600  # a van was out that told neither where it was nor how far it drove
    day.tell(Tour(source="van-2", boot=1, seq=0, t_s=before_s, phase="started"), lane=Lane.BUSINESS)
    page.goto(f"{day.hub.url}/figures?day=2026-11-21")
    expect(page.get_by_text(re.compile("Nog niet bekend"))).to_be_visible()


# ---------------------------------------------------------------- equipment


def test_how_every_box_stands_is_told_in_words_as_it_changes(day: RunningDay, page: Page) -> None:
    page.goto(f"{day.hub.url}/equipment")
    expect(page.get_by_role("article", name="Bus 1").get_by_text("In orde")).to_be_visible()
    zuid, van_3 = page.get_by_role("article", name="Hub Zuid"), page.get_by_role("article", name="Bus 3")
    expect(zuid.get_by_text("In orde")).to_be_visible()
    silent = NodeStatus(source="van-3", boot=1, seq=0, t_s=NOW_S - 540, node="van-3/cooler", online=False)
    day.tell(silent)
    sign(day.twins["hub-zuid"], online=False)
    expect(zuid.get_by_text("Geen verbinding")).to_be_visible()
    expect(zuid.get_by_text(re.compile("^Laatst gehoord om"))).to_be_visible()
    expect(van_3.get_by_text("Koelbox zwijgt sinds 09:27")).to_be_visible()
    expect(page.get_by_text("2 van de 5 kastjes vragen aandacht.")).to_be_visible()
    sign(day.twins["hub-zuid"], online=True)
    expect(zuid.get_by_text("In orde")).to_be_visible()


def test_what_was_set_aside_and_what_was_refused_are_told_with_the_field(day: RunningDay, page: Page) -> None:
    jump = {"origin": "gps", "field": "lat, lon", "reason": "a jump that needs more than 70 m/s, or back in time"}
    day.tell(Rejected(source="van-2", boot=1, seq=0, t_s=NOW_S, count=4, **jump))  # type: ignore[arg-type]
    shipment = {"supplier": "nobody", "hub": "noord", "t_s": NOW_S}
    assert http().post(f"{day.hub.url}/api/shipments", json=shipment).status_code == 422
    page.goto(f"{day.hub.url}/equipment")
    aside = page.get_by_role("region", name="Apart gezet").get_by_role("listitem").filter(has_text="Bus 2, gps")
    expect(aside).to_contain_text("een plaats of snelheid die niet kan kloppen")
    expect(aside).to_contain_text("4×")
    aside.get_by_text("Bus 2, gps").click()
    expect(aside.get_by_text("lat, lon", exact=True)).to_be_visible()
    refused = page.get_by_role("region", name="Geweigerde verzoeken").get_by_role("listitem")
    expect(refused.filter(has_text="Bulk van leveranciers")).to_contain_text("klopte niet: Leverancier")
