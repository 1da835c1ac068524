"""Our own parcel label: `BZ1`, nine digits of Crockford's base 32, and his check symbol (value mod 37).

An opaque number, no personal data. The hub makes and prints it, the gateway reads it back. 37 is a prime above 32, so
a wrong symbol and two neighbours that swapped places are always seen. Source: crockford.com/base32.html.
"""

PREFIX = "BZ1"
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHECKS = DIGITS + "*~$=U"
NUMBER_DIGITS = 9
NUMBERS = 32**NUMBER_DIGITS
"""Labels are for 0 <= number < NUMBERS."""

_READ_AS = str.maketrans("OIL", "011")


def label(number: int) -> str:
    """The label's text. Raises `ValueError` for a number outside 0..NUMBERS-1."""
    if not 0 <= number < NUMBERS:
        raise ValueError(f"number: {number} does not fit in {NUMBER_DIGITS} digits of base 32")
    digits = [DIGITS[number >> 5 * place & 31] for place in reversed(range(NUMBER_DIGITS))]
    return PREFIX + "".join(digits) + CHECKS[number % 37]


def read(text: str) -> str:
    """The label as we print it, from text in any case and with O, I or L for 0 and 1.

    Raises `ValueError` when it is not our label, or was misread.
    """
    shown = text.strip().upper()
    if not shown.startswith(PREFIX) or len(shown) != len(PREFIX) + NUMBER_DIGITS + 1:
        raise ValueError(f"code: not a label of ours ({PREFIX} and {NUMBER_DIGITS + 1} more)")
    digits = shown[len(PREFIX) : -1].translate(_READ_AS)
    check = shown[-1].translate(_READ_AS)
    number = 0
    for digit in digits:
        value = DIGITS.find(digit)
        if value < 0:
            raise ValueError(f"code: {digit!r} is no digit of a label")
        number = number << 5 | value
    if CHECKS[number % 37] != check:
        raise ValueError("code: the check symbol does not fit, scan it again")
    return label(number)
