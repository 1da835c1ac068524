"""What a barcode says, and what of it may be kept: the published vectors, and any text at all."""

import json
import string
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.codes import checks, gs1
from edge_gateway.codes.carriers import Carrier, carrier_of
from edge_gateway.codes.gs1 import GS, Gs1Error
from edge_gateway.codes.reading import Reading, RefusedCodeError, is_misread
from edge_gateway.codes.reading import read as read_in
from edge_gateway.contract import parcel_label
from tests.edge_gateway import gs1_table

FMD = f"01098765432109821728013110A1C2E3G4I5{GS}2112345AZRQF1234567890"


def read(raw: str, symbology: str = "") -> Reading:
    return read_in(raw, symbology=symbology, this_year=2026)


# ------------------------------------------------------------ published vectors


def test_check_digits_hold_for_the_published_vectors(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "barcodes/vectors.json").read_text())
    for code, holds, *_ in vectors["s10"]:
        assert (carrier_of(code) == "s10") is holds, code
    for code, _kind, holds in vectors["gs1_mod10"]:
        assert checks.gs1_mod10(code) is holds, code
    for code, says in vectors["postnl_3s"]:
        assert (carrier_of(code) == "postnl") is says.startswith("ok"), code
    for code, holds in vectors["dhl_mod7"]:
        assert (carrier_of(code) == "dhl_express") is holds, code
    for code, holds in vectors["dpd_mod37_36"]:
        assert (carrier_of(code) == "dpd") is holds and is_misread(code) is not holds, code
    for code, holds in vectors["bsn_11proef"]:
        assert checks.bsn(code) is holds, code


def test_carriers_are_told_apart_as_published(shared_data: Path) -> None:
    expected: dict[str, Carrier | str] = {
        "3SDEVC201611210": "postnl",
        "3SBCC000123456": "dhl_parcel",
        "JVGL9999999999": "dhl_parcel",
        "JJD0099999999": "dhl_parcel",
        "RB473124829NL": "s10",
        "(00)376104250021234569": "sscc",
    }
    vectors = json.loads((shared_data / "barcodes/vectors.json").read_text())["carrier_detection"]
    assert {code: read(code).kind for code, _says in vectors} == expected


def test_a_medicine_is_read_whole_and_only_its_article_kept(shared_data: Path) -> None:
    vector = json.loads((shared_data / "barcodes/vectors.json").read_text())["fmd_datamatrix"]
    values = gs1.parse(vector["raw"]).values
    assert values == {"01": vector["gtin"], "17": "280131", "10": vector["batch"], "21": vector["serial"]}
    assert str(gs1.day_of(values["17"], this_year=2026)) == vector["expiry"]
    kept = read("]d2" + vector["raw"])
    assert (kept.code, kept.kind, str(kept.expires)) == ("01" + vector["gtin"], "medicine", vector["expiry"])


def test_an_element_string_in_brackets_is_read(shared_data: Path) -> None:
    for text in json.loads((shared_data / "barcodes/vectors.json").read_text())["gs1_128_stdnum"]:
        found = gs1.parse(text)
        assert found.values == {"01": "38425876095074", "17": "181119", "37": "1"}
        assert found.doubts == ("(01) beside (37)", "(37) without (00+02,00+8026)")


def test_our_table_is_what_the_dictionary_says(shared_data: Path) -> None:
    dictionary = (shared_data / "barcodes/gs1-syntax-dictionary.txt").read_text()
    table = Path(gs1.__file__).with_name("identifiers.csv").read_text()
    assert table == gs1_table.table(dictionary)
    listed = [line for line in dictionary.splitlines() if line[:2].isdecimal()]
    assert table.count("\n") == len(listed) + 1, "no line of it was overlooked"
    assert len(gs1.identifiers()) > 500


# ------------------------------------------------------------ GS1


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("00376104250021234569", {"00": "376104250021234569"}),
        (
            f"003761042500212345694331000500{GS}4333000200-",  # 5.00 and -2.00 °C
            {"00": "376104250021234569", "4331": "000500", "4333": "000200-"},
        ),
        (
            f"020987654321098237{'12'}{GS}00376104250021234569",
            {"02": "09876543210982", "37": "12", "00": "376104250021234569"},
        ),
        (f"43242611230900{GS}00376104250021234569", {"4324": "2611230900", "00": "376104250021234569"}),
        (f"{GS}8003009876543210982AB-1", {"8003": "009876543210982AB-1"}),
    ],
)
def test_values_without_a_set_length_end_at_the_separator(text: str, values: dict[str, str]) -> None:
    assert gs1.parse(text).values == values


def test_a_separator_that_is_missing_makes_a_value_too_long() -> None:
    with pytest.raises(Gs1Error, match=r"\(4331\)"):
        gs1.parse("0037610425002123456943310005004333000200")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0109876543210983", "csum"),
        ("0198765", "01"),
        ("17281331", "yymmd0"),
        (f"7003261123{'2460'}", "hhmi"),
        (f"10{'x' * 21}", "10"),
        ("0109876543210982" + "0109876543210999", "01"),
        ("0509876543210982", "application identifier"),
        ("(01)09876543210982(", "brackets"),
        ("", "empty"),
        ("10ünicode", "10"),
    ],
)
def test_what_was_misread_is_refused_and_says_where_without_the_code(text: str, names: str) -> None:
    with pytest.raises(Gs1Error) as raised:
        gs1.parse(text)
    assert names in str(raised.value)
    assert "98765" not in str(raised.value)


@pytest.mark.parametrize(
    ("yymmdd", "day"),
    [
        ("280131", date(2028, 1, 31)),
        ("280200", date(2028, 2, 29)),
        ("271200", date(2027, 12, 31)),
        ("760101", date(2076, 1, 1)),
        ("780101", date(1978, 1, 1)),
    ],
)
def test_a_date_of_six_digits_is_of_the_nearest_century_and_day_00_the_last(yymmdd: str, day: date) -> None:
    assert gs1.day_of(yymmdd, this_year=2026) == day


# ------------------------------------------------------------ what is kept


@pytest.mark.parametrize(
    ("raw", "code", "kind"),
    [
        (parcel_label.label(1).lower() + "\r\n", parcel_label.label(1), "own"),
        ("]C100376104250021234569", "00376104250021234569", "sscc"),
        (f"]C10037610425002123456943{'01'}Jansen{GS}420{'7415AB'}", "00376104250021234569", "sscc"),
        (f"01098765432109822112345{GS}", "0109876543210982", "medicine"),
        ("8003009876543210982123", "8003009876543210982123", "other"),
        ("]C18003009876543210982123", "8003009876543210982123", "gs1"),
        ("rb473124829nl", "RB473124829NL", "s10"),
        ("]C0RB473124829NL", "RB473124829NL", "s10"),
        ("unheard of", "unheard of", "other"),
    ],
)
def test_of_each_code_what_names_the_thing_is_kept(raw: str, code: str, kind: str) -> None:
    kept = read(raw)
    assert (kept.code, kept.kind) == (code, kind)


@pytest.mark.parametrize("wrong", ["RB123456786NL", "008182709980000020033350276A", "BZ1000000001$"])
def test_a_wrong_check_digit_says_misread_and_is_no_carriers(wrong: str) -> None:
    kept = read(wrong)
    assert kept.misread and is_misread(kept.code)
    assert carrier_of(wrong) is None


@pytest.mark.parametrize(
    "code",
    [
        "111222333",
        "123456782",
        " 1112.22.333\r\n",
        "111-222-333",
        "BSN: 111222333",
        "bsn111222333",
        "BSN=111 222 333",
        "naam;111222333;straat",
        f"0109876543210982{GS}91 111222333{GS}10AB",
        "]Q3https://x.nl/?id=111222333",
    ],
)
def test_a_citizen_service_number_is_refused_and_not_repeated(code: str) -> None:
    with pytest.raises(RefusedCodeError) as raised:
        read(code)
    assert "BSN" in str(raised.value)
    assert "111" not in str(raised.value) + "".join(raised.value.words)
    assert raised.value.__context__ is None, "no other error carries it along"


@pytest.mark.parametrize("code", ["123456789", "3SABCD123456782", "3318810025", "376104250021234569"])
def test_carriers_codes_are_not_taken_for_one(code: str) -> None:
    assert read(code).code == code


def test_a_persons_number_and_a_code_that_names_nothing_are_refused() -> None:
    with pytest.raises(RefusedCodeError, match="person"):
        read("]C18018376104250021234569")
    with pytest.raises(RefusedCodeError, match="names no thing"):
        read(f"]d27250{'19400101'}")
    with pytest.raises(RefusedCodeError, match="misread"):
        read(f"0037610425002123456{GS}4301Jansen")


@pytest.mark.parametrize("raw", ["", " \r\n", "x" * 201, "]C1", GS])
def test_empty_and_endless_codes_are_refused(raw: str) -> None:
    with pytest.raises(RefusedCodeError):
        read(raw)


# ------------------------------------------------------------ any text at all

pieces = st.lists(
    st.one_of(
        st.sampled_from(["]C1", "]d2", GS, "01", "00", "17", "10", "21", "8018", "(", ")", "BZ1", "09876543210982"]),
        st.text(alphabet=string.ascii_uppercase + string.digits + GS, max_size=12),
        st.text(max_size=8),
    ),
    max_size=8,
).map("".join)


@given(pieces)
def test_any_text_is_read_or_refused_and_what_was_kept_is_read_the_same_again(raw: str) -> None:
    try:
        kept = read(raw)
    except RefusedCodeError:
        return
    assert 1 <= len(kept.code) <= 200
    assert read(kept.code).code == kept.code
    assert not checks.bsn(kept.code)
    assert GS not in kept.code or kept.kind == "other"


@given(st.text(alphabet=string.digits, min_size=13, max_size=17), st.integers(0, 9), st.integers(0, 16))
def test_one_wrong_digit_in_a_gs1_number_is_always_seen(body: str, other: int, place: int) -> None:
    whole = next(body + str(digit) for digit in range(10) if checks.gs1_mod10(body + str(digit)))
    place %= len(whole)
    wrong = whole[:place] + str(other) + whole[place + 1 :]
    assert checks.gs1_mod10(wrong) is (wrong == whole)


@given(st.integers(0, 99_999_999), st.integers(0, 8), st.integers(0, 9))
def test_one_wrong_digit_in_an_s10_number_is_seen(number: int, place: int, other: int) -> None:
    body = f"{number:08d}"
    whole = next(body + str(digit) for digit in range(10) if checks.s10(body + str(digit)))
    wrong = whole[:place] + str(other) + whole[place + 1 :]
    if checks.s10(wrong) and wrong != whole:
        assert whole[8] in "05" or wrong[8] in "05", "only where two remainders share a digit"


@given(st.text(alphabet=checks.ALPHABET_36, min_size=27, max_size=27), st.integers(0, 26), st.sampled_from("0A9Z"))
def test_one_wrong_character_of_dpd_is_always_seen(body: str, place: int, other: str) -> None:
    [check] = [mark for mark in checks.ALPHABET_36 if checks.mod37_36(body + mark)]
    wrong = body[:place] + other + body[place + 1 :]
    assert checks.mod37_36(wrong + check) is (wrong == body)


def test_a_label_of_ours_without_end_is_refused_and_not_cut() -> None:
    """Cut, it could end in what is stripped from a code, and be another code when it is read again."""
    with pytest.raises(RefusedCodeError, match="200"):
        read("BZ1" + "0" * 196 + "\0" + "7" * 9)
