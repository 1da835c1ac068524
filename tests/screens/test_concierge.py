"""What the concierge's page promises: a tap is never lost and never counts twice, and is easy to make."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from edge_gateway.contract.messages import PlannedStop
from hub_backend.simulator.nmea import Fix
from tests.screens.running_day import NOW_S, RunningDay
from tests.screens.served import GatewayProcess, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Tablet = Callable[[], BrowserContext]
OUTCOMES = ("Contact", "Bij de buren", "Niemand thuis", "Geweigerd")


def installed(page: Page) -> None:
    """The service worker has the page: from here on it opens without a network."""
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller !== null")


def sent(page: Page) -> None:
    expect(page.get_by_role("button", name=re.compile("Alles verstuurd"))).to_be_visible(timeout=15_000)


def test_a_visit_offline_survives_reload_and_restart_and_arrives_once(day: RunningDay, tablet: Tablet) -> None:
    first = day.van.come_to_a_door()
    context = tablet()
    page = context.new_page()
    page.goto(day.van.url)
    expect(page.get_by_role("region", name="Volgende adres")).to_contain_text(first.name)
    installed(page)
    # A page that is new in this context may get a request out before the browser's offline mode takes hold of it,
    # so the gateway is out of reach as well.
    context.set_offline(True)
    with day.van.without_power():
        page.get_by_role("button", name="Contact").click()
        page.get_by_role("button", name=re.compile("^2")).click()
        expect(page.get_by_role("button", name=re.compile("nog op deze tablet"))).to_be_visible()
        expect(page.get_by_text(f"Vastgelegd: Contact aan de deur, {first.address}")).to_be_visible()

        page.reload()  # without any network
        expect(page.get_by_role("button", name=re.compile("1 nog op deze tablet"))).to_be_visible()
        page.close()
        page = context.new_page()  # the tablet was switched off and on
        page.goto(day.van.url)
        expect(page.get_by_role("button", name=re.compile("1 nog op deze tablet"))).to_be_visible()
        assert day.recorded_visits(first.stop) == []

    context.set_offline(False)
    sent(page)
    [visit] = day.recorded_visits(first.stop)
    assert (visit["outcome"], visit["step"]) == ("contact_door", 2)
    page.reload()
    sent(page)
    assert len(day.recorded_visits(first.stop)) == 1


def test_a_lost_answer_is_sent_again_and_counts_once(day: RunningDay, bare_page: Page) -> None:
    stop = day.van.come_to_a_door().stop
    bare_page.goto(day.van.url)
    dropped: list[str] = []
    asked: list[str] = []

    def lose_the_first(route: Route) -> None:
        asked.append(route.request.url)
        if dropped:
            route.continue_()
            return
        dropped.append("answer")
        route.fetch()
        route.abort()

    bare_page.route("**/api/records", lose_the_first)
    bare_page.get_by_role("button", name="Geweigerd").click()
    bare_page.get_by_role("button", name="Vastleggen: Geweigerd").click()
    expect(bare_page.get_by_text(re.compile("Vastgelegd"))).to_be_visible()
    sent(bare_page)
    assert len(asked) >= 2
    assert len(day.recorded_visits(stop)) == 1


def test_a_parcel_that_stays_in_the_van_is_not_recorded_as_delivered(day: RunningDay, page: Page) -> None:
    stop = next_with_parcels(day.van)
    page.goto(day.van.url)
    page.locator(".parcel").first.click()
    page.get_by_role("button", name="Contact").click()
    page.get_by_role("button", name=re.compile("^3")).click()
    expect(page.get_by_text(re.compile("Vastgelegd"))).to_be_visible()
    sent(page)
    [visit] = day.recorded_visits(stop.stop)
    assert visit["outcome"] == "contact_inside"
    assert visit["delivered"] == [parcel.code for parcel in stop.deliver[1:]]


def next_with_parcels(van: GatewayProcess) -> PlannedStop:
    """What lies before it is passed."""
    while not (stop := van.come_to_a_door()).deliver:
        van.pass_by(stop)
    return stop


def test_a_refused_record_is_shown_and_holds_up_nothing(van: GatewayProcess, bare_page: Page) -> None:
    spoilt: list[str] = []

    def spoil_the_first(route: Route) -> None:
        """As a tablet with an older page, or a worn memory, might send it."""
        records = route.request.post_data_json
        if not spoilt:
            spoilt.append(records[0]["id"])
        for record in records:
            if record["id"] in spoilt:
                record["step"] = 7
        route.continue_(post_data=json.dumps(records))

    bare_page.goto(van.url)
    bare_page.route("**/api/records", spoil_the_first)
    bare_page.get_by_role("button", name="Geweigerd").click()
    bare_page.get_by_role("button", name="Vastleggen: Geweigerd").click()
    attention = bare_page.get_by_role("button", name=re.compile("1 geweigerd: kijk hier"))
    expect(attention).to_be_visible()
    bare_page.get_by_role("button", name="Ik ben er").click()
    expect(bare_page.get_by_role("button", name="Je bent er")).to_be_visible()
    attention.click()
    refused = bare_page.get_by_role("region", name="Geweigerd, vraagt aandacht")
    expect(refused).to_contain_text("een meetwaarde die niet kan kloppen")
    expect(refused.get_by_role("group")).to_contain_text("step")
    expect(bare_page.get_by_text("Niets: het kastje heeft alles.")).to_be_visible()
    bare_page.get_by_role("button", name="Gebeld, weghalen").click()
    expect(bare_page.get_by_role("button", name=re.compile("geweigerd"))).to_have_count(0)
    assert van.state().phase == "arrived"


@pytest.mark.parametrize("size", [(1280, 800), (800, 1280)])
def test_every_target_is_at_least_64_px(size: tuple[int, int], van: GatewayProcess, page: Page) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(van.url)
    expect(page.get_by_role("button", name="Contact")).to_be_visible()
    small = too_small(page)
    page.get_by_role("button", name="Contact").click()
    small += too_small(page)
    for tab in ("Laden", "Hele dag", "Versturen"):
        page.get_by_role("button", name=tab, exact=True).click()
        small += too_small(page)
    assert small == []


def too_small(page: Page) -> list[str]:
    boxes = [(one, one.bounding_box()) for one in page.locator("button:visible, input:visible, a:visible").all()]
    return [
        f"{one.inner_text()!r}: {box['width']:.0f} x {box['height']:.0f}"
        for one, box in boxes
        if box is not None and (box["height"] < 64 or box["width"] < 64)
    ]


@pytest.mark.parametrize("size", [(1280, 800), (800, 1280)])
def test_outcomes_are_in_sight_without_scrolling(size: tuple[int, int], van: GatewayProcess, page: Page) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(van.url)
    for name in OUTCOMES:
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size[1] - 68, name  # above the bar at the foot


def test_a_tap_is_safe_within_100_ms(van: GatewayProcess, page: Page) -> None:
    page.goto(van.url)
    taken_ms = []
    for _ in range(3):
        page.get_by_role("button", name="Langer, +15 min").click()
        page.get_by_role("button", name="Versturen", exact=True).click()
        found = re.search(r"na (\d+) ms", page.get_by_text(re.compile("laatste tik veilig")).inner_text())
        assert found
        taken_ms.append(int(found[1]))
        page.get_by_role("button", name="Nu", exact=True).click()
    assert min(taken_ms) <= 100


def test_the_letterbox_only_where_it_is_allowed(van: GatewayProcess, page: Page) -> None:
    page.goto(van.url)
    looked_at: set[bool] = set()
    while looked_at != {True, False}:  # the day has both still ahead
        assert van.state().next_stop, [(one.stop, one.kind, one.letterbox_allowed, one.done) for one in van.plan.stops]
        stop = van.next_stop()
        if stop.kind == "visit" and stop.letterbox_allowed not in looked_at:
            expect(page.get_by_role("region", name="Volgende adres")).to_contain_text(stop.name)
            button = page.get_by_role("button", name="Brievenbus").filter(has_not=page.locator(".tick"))
            expect(button).to_be_enabled(enabled=stop.letterbox_allowed)
            looked_at.add(stop.letterbox_allowed)
        van.pass_by(stop)


def test_while_driving_there_is_only_a_glance(van: GatewayProcess, page: Page) -> None:
    page.goto(van.url)
    expect(page.get_by_role("button", name="Contact")).to_be_visible()
    stop = van.next_stop()
    assert van.world is not None
    van.world.run(world_s=NOW_S + 60, rate=0.0, limit_s=NOW_S + 60)
    van.drive(Fix(NOW_S + 60, stop.lat, stop.lon, speed_m_s=8.0, heading_deg=90.0))
    expect(page.get_by_role("button", name="Contact")).to_have_count(0)
    expect(page.get_by_text(stop.address.rpartition(" ")[0], exact=True)).to_be_visible()
    van.world.run(world_s=NOW_S + 120, rate=0.0, limit_s=NOW_S + 120)
    van.drive(Fix(NOW_S + 120, stop.lat, stop.lon))
    expect(page.get_by_role("button", name="Contact")).to_be_visible()


@pytest.mark.parametrize(
    ("which", "words"),
    [("elsewhere", "Andere bus"), ("nowhere", "Onbekend"), ("ours", "Goed"), ("again", "Al gescand")],
)
def test_a_scan_is_answered_in_words(which: str, words: str, van: GatewayProcess, page: Page) -> None:
    van.tap({"kind": "tour", "phase": "back_at_hub"})
    loaded = van.state().loaded
    ours = next(one.code for stop in van.ahead() for one in stop.deliver if one.code not in loaded)
    code = {"elsewhere": next(iter(van.plan.elsewhere)), "nowhere": "3SONBEKEND123"}.get(which, ours)
    page.goto(van.url)
    page.get_by_role("button", name="Laden", exact=True).click()
    if which == "again":
        van.post("/api/scans", {"code": ours, "purpose": "load"})
        assert van.world is not None
        van.world.run(world_s=NOW_S + 5, rate=0.0, limit_s=NOW_S + 5)
    page.get_by_label("Code op het label").fill(code)
    page.get_by_role("button", name="Controleer").click()
    expect(page.get_by_label("Code op het label")).to_have_value("")
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def test_the_time_that_the_plan_gives_for_a_talk_stands_at_the_stop(day: RunningDay, page: Page) -> None:
    with day.alone("van-1") as van:
        given = [stop for stop in van.ahead() if stop.talk_s >= 60]
        assert given, "the real router handed out spare minutes"
        page.goto(van.url)
        first, minutes = van.next_stop(), re.escape(f"{round(given[0].talk_s / 60)} min")
        expect(page.get_by_text(re.compile("^Tijd voor een praatje"))).to_have_count(1 if first.talk_s >= 60 else 0)
        page.get_by_role("button", name="Hele dag").click()
        line = page.get_by_role("listitem").filter(has_text=given[0].address)  # a change of the plan may name it, too
        expect(line.filter(has_text=re.compile(f"Tijd voor een praatje: {minutes}"))).to_have_count(1)


def test_what_waits_in_the_van_is_in_sight(day: RunningDay, page: Page) -> None:
    with day.alone("hub-noord") as depot:
        for number in range(3):
            depot.post("/api/scans", {"code": f"3SDEUR000000{number}"})
        page.goto(depot.url)
        expect(page.get_by_role("button", name=re.compile("3 nog niet op kantoor"))).to_be_visible()
        expect(page.get_by_text("geen verbinding met kantoor")).to_be_visible()


def test_a_van_that_stands_still_is_a_stop_of_its_own_with_its_name(day: RunningDay, page: Page) -> None:
    """What lies in van 2 is taken over by van 1, whose concierge sees where and from which van."""
    day.hub.post("/api/vans/van-2/service", {"in_service": False, "reason": "lekke band"})
    try:
        wait_until(lambda: any(stop.kind == "fetch" for stop in day.van.plan.stops), within_s=60)
        with day.alone("van-1") as van:
            fetch = van.come_to("fetch")
            page.goto(van.url)
            sign = page.get_by_role("region", name="Volgende adres")
            expect(sign).to_contain_text("Spullen ophalen")
            expect(sign).to_contain_text("Bus 2")
            assert fetch.from_van == "van-2"
            page.get_by_role("button", name="Overgenomen, ik vertrek").click()
            expect(sign).not_to_contain_text("Spullen ophalen")
    finally:
        day.hub.post("/api/vans/van-2/service", {"in_service": True, "reason": ""})
