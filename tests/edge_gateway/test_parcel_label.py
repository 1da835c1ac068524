import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.contract import parcel_label

numbers = st.integers(0, parcel_label.NUMBERS - 1)


@given(numbers)
def test_a_label_reads_back_as_printed(number: int) -> None:
    text = parcel_label.label(number)
    assert len(text) == 13
    assert parcel_label.read(text) == text
    assert parcel_label.read(f" {text.lower()}\r\n") == text


@given(numbers, st.integers(3, 12), st.sampled_from(parcel_label.CHECKS))
def test_one_wrong_symbol_is_always_seen(number: int, place: int, symbol: str) -> None:
    text = parcel_label.label(number)
    wrong = text[:place] + symbol + text[place + 1 :]
    if wrong == text:
        return
    with pytest.raises(ValueError, match="code"):
        parcel_label.read(wrong)


@given(numbers, st.integers(3, 10))
def test_two_neighbours_swapped_are_always_seen(number: int, place: int) -> None:
    text = parcel_label.label(number)
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if swapped == text:
        return
    with pytest.raises(ValueError, match="code"):
        parcel_label.read(swapped)


def test_letters_that_look_like_digits_read_as_those() -> None:
    text = parcel_label.label(0)
    assert parcel_label.read(text.replace("0", "O", 3)) == text


@pytest.mark.parametrize("text", ["", "BZ1", "BZ2000000000", "3SABCD1234567", "BZ1!!!!!!!!!0"])
def test_other_codes_are_not_ours(text: str) -> None:
    with pytest.raises(ValueError, match="code"):
        parcel_label.read(text)
