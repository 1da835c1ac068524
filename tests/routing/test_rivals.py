"""The other routers of the bench: what they answer is held against the same independent count as ours."""

import pytest

from routing.answer import Answer
from routing.engine import Budget
from routing.instances import Instance
from routing.recount import recount
from routing.rivals import ortools_answer, pyvrp_answer
from tests.routing.test_engine import day


def answered(router: str, instance: Instance) -> Answer | None:
    if router == "pyvrp":
        return pyvrp_answer(instance, Budget(iterations=20), seed=1)
    return ortools_answer(instance, seconds=0.05, of_cpu=router == "or-tools by CPU")


@pytest.mark.parametrize("router", ["pyvrp", "or-tools", "or-tools by CPU"])
def test_every_rival_answers_the_same_question(router: str) -> None:
    instance = day(3, customers=12)
    found = answered(router, instance)
    assert found is not None
    count = recount(instance, found.routes)
    assert count.faults == ()
    assert count.cost == found.cost


def test_several_trips_are_beyond_or_tools() -> None:
    assert ortools_answer(day(3, customers=12, trips=True), seconds=0.05) is None
