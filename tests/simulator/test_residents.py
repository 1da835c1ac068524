from edge_gateway.contract.messages import Outcome
from hub_backend.simulator.residents import Door, Habit

CONTACT = {Outcome.CONTACT_DOOR, Outcome.CONTACT_INSIDE, Outcome.CONTACT_OTHER_PERSON}


def test_the_same_seed_opens_the_same_door() -> None:
    door = Door("c-1", 2)
    assert door.answer(seed=5, attempt=1, letterbox_fits=False) == door.answer(seed=5, attempt=1, letterbox_fits=False)


def test_four_of_five_are_contact_when_one_of_five_is_for_the_letterbox() -> None:
    answers = [
        Door(f"c-{number}", number % 4).answer(seed=1, attempt=1, letterbox_fits=number % 5 == 0)
        for number in range(2000)
    ]
    contact = sum(answer.outcome in CONTACT for answer in answers)
    letterbox = sum(answer.outcome is Outcome.LETTERBOX for answer in answers)
    assert 0.77 < contact / (contact + letterbox) < 0.86


def test_who_is_away_does_not_open_at_the_first_ring() -> None:
    door = Door("c-1", 2, Habit.AWAY)
    first = [door.answer(seed=seed, attempt=1, letterbox_fits=False) for seed in range(50)]
    second = [door.answer(seed=seed, attempt=2, letterbox_fits=False) for seed in range(50)]
    assert all(answer.outcome is Outcome.NO_ANSWER for answer in first)
    assert any(answer.outcome in CONTACT for answer in second)


def test_inside_is_step_three_and_the_door_is_less() -> None:
    for number in range(300):
        answer = Door(f"c-{number}", number % 4).answer(seed=2, attempt=1, letterbox_fits=False)
        if answer.outcome is Outcome.CONTACT_INSIDE:
            assert answer.step == 3
        if answer.outcome is Outcome.CONTACT_DOOR:
            assert answer.step in (0, 1, 2)
        if answer.outcome in (Outcome.NO_ANSWER, Outcome.LETTERBOX):
            assert answer.step is None


def test_one_talks_long() -> None:
    assert Door("c-1", 1, Habit.TALKS).answer(seed=1, attempt=1, letterbox_fits=False).extra_s >= 1200
