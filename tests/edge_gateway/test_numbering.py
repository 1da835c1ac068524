"""What of a node's readings has not come."""

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.numbering import MOST, Numbering


@given(st.lists(st.integers(0, 60), min_size=1))
def test_missing_is_what_lies_between_the_first_and_the_highest_and_never_came(seqs: list[int]) -> None:
    numbering = Numbering()
    for seq in seqs:
        numbering.heard(1, seq)
    between = set(range(seqs[0], max(seqs) + 1))
    assert numbering.missing == len(between - set(seqs))


def test_a_new_start_keeps_the_count_of_the_old_one() -> None:
    numbering = Numbering()
    for boot, seq in ((1, 0), (1, 3), (2, 0), (2, 2), (1, 1)):
        numbering.heard(boot, seq)
    assert numbering.missing == 3


def test_a_gap_without_end_takes_no_memory() -> None:
    numbering = Numbering()
    numbering.heard(1, 0)
    numbering.heard(1, 4_000_000_000)
    assert numbering.missing == 3_999_999_999
    assert len(numbering._awaited) == MOST
