"""What the concierge's page promises: a tap is never lost and never counts twice, and is easy to make."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from edge_gateway.contract.messages import VanPlan
from tests.screens.conftest import Day

pytestmark = pytest.mark.browser

Tablet = Callable[[], BrowserContext]
OUTCOMES = ("Contact", "Bij de buren", "Niemand thuis", "Geweigerd")


def installed(page: Page) -> None:
    """The service worker has the page: from here on it opens without a network."""
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller !== null")


def visits(day: Day) -> list[dict[str, object]]:
    return [record for record in day.van.records.values() if record["kind"] == "visit"]


def next_address(day: Day) -> str:
    assert isinstance(day.van.state.plan, VanPlan)
    return next(stop.address for stop in day.van.state.plan.stops if stop.stop == day.van.state.next_stop)


def test_a_visit_offline_survives_reload_and_restart_and_arrives_once(day: Day, tablet: Tablet) -> None:
    context = tablet()
    page = context.new_page()
    page.goto(day.van_url)
    first = next_address(day)
    installed(page)
    # A page that is new in this context may get a request out before the browser's offline mode takes hold of it,
    # so the gateway is out of reach as well.
    context.set_offline(True)
    day.cut()
    page.get_by_role("button", name="Contact").click()
    page.get_by_role("button", name=re.compile("^2")).click()
    expect(page.get_by_role("button", name=re.compile("nog op deze tablet"))).to_be_visible()
    expect(page.get_by_text(f"Vastgelegd: Contact aan de deur, {first}")).to_be_visible()

    page.reload()  # without any network
    expect(page.get_by_role("button", name=re.compile("1 nog op deze tablet"))).to_be_visible()
    page.close()
    page = context.new_page()  # the tablet was switched off and on
    page.goto(day.van_url)
    expect(page.get_by_role("button", name=re.compile("1 nog op deze tablet"))).to_be_visible()
    assert visits(day) == []

    day.mend()
    context.set_offline(False)
    expect(page.get_by_role("button", name=re.compile("Alles verstuurd"))).to_be_visible(timeout=15_000)
    assert [(one["outcome"], one["step"]) for one in visits(day)] == [("contact_door", 2)]
    page.reload()
    page.wait_for_timeout(500)
    assert len(visits(day)) == 1


def test_a_lost_answer_is_sent_again_and_counts_once(day: Day, page: Page) -> None:
    page.goto(day.van_url)
    dropped: list[str] = []

    def lose_the_first(route: object) -> None:
        if dropped:
            route.continue_()  # type: ignore[attr-defined]
            return
        dropped.append("answer")
        route.fetch()  # type: ignore[attr-defined]
        route.abort()  # type: ignore[attr-defined]

    page.route("**/api/records", lose_the_first)
    page.get_by_role("button", name="Niemand thuis").click()
    page.get_by_role("button", name="Vastleggen: Niemand thuis").click()
    expect(page.get_by_text(re.compile("Vastgelegd"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Alles verstuurd"))).to_be_visible(timeout=15_000)
    assert day.van.posts >= 2
    assert len(visits(day)) == 1


def test_a_refused_record_is_shown_and_holds_up_nothing(day: Day, page: Page) -> None:
    assert day.van.state.next_stop is not None
    day.van.refuse.add(day.van.state.next_stop)
    page.goto(day.van_url)
    page.get_by_role("button", name="Geweigerd").click()
    page.get_by_role("button", name="Vastleggen: Geweigerd").click()
    expect(page.get_by_role("button", name=re.compile("1 geweigerd: kijk hier"))).to_be_visible()
    day.van.refuse.clear()
    page.get_by_role("button", name="Ik ben er").click()
    page.get_by_role("button", name=re.compile("1 geweigerd: kijk hier")).click()
    expect(page.get_by_text("stop: is no stop of today")).to_be_visible()
    expect(page.get_by_text("Niets: het kastje heeft alles.")).to_be_visible()
    page.get_by_role("button", name="Gebeld, weghalen").click()
    expect(page.get_by_role("button", name=re.compile("Alles verstuurd"))).to_be_visible()


@pytest.mark.parametrize("size", [(1280, 800), (800, 1280)])
def test_every_target_is_at_least_64_px(size: tuple[int, int], day: Day, page: Page) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(day.van_url)
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
def test_outcomes_are_in_sight_without_scrolling(size: tuple[int, int], day: Day, page: Page) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(day.van_url)
    for name in OUTCOMES:
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size[1] - 68, name  # above the bar at the foot


def test_a_tap_is_safe_within_100_ms(day: Day, page: Page) -> None:
    page.goto(day.van_url)
    taken_ms = []
    for _ in range(3):
        page.get_by_role("button", name="Langer, +15 min").click()
        page.get_by_role("button", name="Versturen", exact=True).click()
        found = re.search(r"na (\d+) ms", page.get_by_text(re.compile("laatste tik veilig")).inner_text())
        assert found
        taken_ms.append(int(found[1]))
        page.get_by_role("button", name="Nu", exact=True).click()
    assert min(taken_ms) <= 100


def test_the_letterbox_only_where_it_is_allowed(day: Day, page: Page) -> None:
    plan = day.van.state.plan
    assert isinstance(plan, VanPlan)
    page.goto(day.van_url)
    for stop in [stop for stop in plan.stops if not stop.done][:4]:
        expect(page.get_by_role("region", name="Volgende adres")).to_contain_text(stop.address.split()[0])
        button = page.get_by_role("button", name="Brievenbus").filter(has_not=page.locator(".tick"))
        if stop.letterbox_allowed:
            expect(button).to_be_enabled()
        else:
            expect(button).to_be_disabled()
        page.get_by_role("button", name="Geweigerd").click()
        page.get_by_role("button", name="Vastleggen: Geweigerd").click()


def test_a_parcel_that_stays_in_the_van_is_not_recorded_as_delivered(day: Day, page: Page) -> None:
    plan = day.van.state.plan
    assert isinstance(plan, VanPlan)
    stop = next(one for one in plan.stops if one.stop == day.van.state.next_stop)
    page.goto(day.van_url)
    page.locator(".parcel").first.click()
    page.get_by_role("button", name="Contact").click()
    page.get_by_role("button", name=re.compile("^3")).click()
    expect(page.get_by_text(re.compile("Vastgelegd"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Alles verstuurd"))).to_be_visible()
    assert visits(day)[0]["outcome"] == "contact_inside"
    assert list(visits(day)[0]["delivered"]) == [parcel.code for parcel in stop.deliver[1:]]  # type: ignore[call-overload]


def test_while_driving_there_is_only_a_glance(day: Day, page: Page) -> None:
    page.goto(day.van_url)
    expect(page.get_by_role("button", name="Contact")).to_be_visible()
    day.van.change(driving=True)
    expect(page.get_by_role("button", name="Contact")).to_have_count(0)
    expect(page.get_by_text(next_address(day).split()[0])).to_be_visible()
    day.van.change(driving=False)
    expect(page.get_by_role("button", name="Contact")).to_be_visible()


@pytest.mark.parametrize(
    ("code", "words"),
    [("BZ1VANTWEE000", "Andere bus"), ("ONBEKEND", "Onbekend"), (None, "Goed"), ("again", "Al gescand")],
)
def test_a_scan_is_answered_in_words(code: str | None, words: str, day: Day, page: Page) -> None:
    plan = day.van.state.plan
    assert isinstance(plan, VanPlan)
    open_code = plan.stops[-1].deliver[0].code
    page.goto(day.van_url)
    page.get_by_role("button", name="Laden", exact=True).click()
    for typed in [open_code, open_code] if code == "again" else [code or open_code]:
        page.get_by_label("Code op het label").fill(typed)
        page.get_by_role("button", name="Controleer").click()
        expect(page.get_by_label("Code op het label")).to_have_value("")
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def test_what_waits_in_the_van_is_in_sight(day: Day, page: Page) -> None:
    page.goto(day.depot_url)
    expect(page.get_by_role("button", name=re.compile("3 nog niet op kantoor"))).to_be_visible()
    expect(page.get_by_text("geen verbinding met kantoor")).to_be_visible()
