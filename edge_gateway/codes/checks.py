"""Check digits: each function is True when the last character fits the others. None of them raises."""

ALPHABET_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
BSN_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def is_number(text: str) -> bool:
    """ASCII digits and nothing else."""
    return text.isascii() and text.isdecimal()


def gs1_mod10(digits: str) -> bool:
    """SSCC, GTIN, GLN: from the right weights 3, 1, 3, …; the check digit fills up to ten."""
    if not is_number(digits) or len(digits) < 2:
        return False
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits[:-1])))
    return int(digits[-1]) == -total % 10


def s10(digits: str) -> bool:
    """UPU S10, nine digits: 11 less the weighted sum mod 11; 10 is written 0, 11 is written 5."""
    if not is_number(digits) or len(digits) != 9:
        return False
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits[:8], S10_WEIGHTS, strict=True)) % 11
    return int(digits[8]) == {10: 0, 11: 5}.get(check, check)


def mod7(digits: str) -> bool:
    """DHL Express: the number before the last digit, mod 7."""
    return is_number(digits) and len(digits) > 1 and int(digits[:-1]) % 7 == int(digits[-1])


def mod37_36(text: str) -> bool:
    """DPD: ISO 7064 mod 37,36 over digits and capitals."""
    if not text or any(character not in ALPHABET_36 for character in text):
        return False
    held = 36
    for character in text[:-1]:
        held = (held + ALPHABET_36.index(character)) % 36 or 36
        held = held * 2 % 37
    return (held + ALPHABET_36.index(text[-1])) % 36 == 1


def bsn(digits: str) -> bool:
    """The eleven-test of a Dutch citizen service number: nine digits, weights 9..2 and -1, divisible by 11."""
    if len(digits) != 9 or not is_number(digits) or digits == "0" * 9:
        return False
    return sum(weight * int(digit) for weight, digit in zip(BSN_WEIGHTS, digits, strict=True)) % 11 == 0
