"""What a keyboard scanner types: Linux input events in, codes out, without I/O.

Key codes are those of linux/input-event-codes.h with the US layout, which scanners type unless told otherwise; a code
ends at Enter or Tab. A control character comes as Ctrl and a key: GS (0x1D), which parts the fields of GS1, is Ctrl+].
"""

import struct
from collections.abc import Callable

from edge_gateway.codes.gs1 import GS

EVENT = struct.Struct("@llHHi")
"""struct input_event: seconds, microseconds, type, code, value."""
EV_KEY = 1
RELEASED, PRESSED = 0, 1
ENTERS = frozenset({28, 96, 15})  # Enter, keypad Enter, Tab
SHIFTS = frozenset({42, 54})
CONTROLS = frozenset({29, 97})
LONGEST = 2000

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (55, "*", "*"),
    (57, " ", " "),
    (71, "789-456+1230.", "789-456+1230."),
)
PLAIN = {first + place: character for first, plain, _shifted in _ROWS for place, character in enumerate(plain)}
SHIFTED = {first + place: character for first, _plain, shifted in _ROWS for place, character in enumerate(shifted)}
CONTROLLED = {27: GS}  # Ctrl+]


class Keys:
    """One keyboard. `refuse(field, reason)` hears of a code that is too long; nothing of it is taken for one."""

    def __init__(self, refuse: Callable[[str, str], None]) -> None:
        self._refuse = refuse
        self._rest = b""
        self._held: set[int] = set()
        self._typed: list[str] = []
        self._is_endless = False

    def feed(self, data: bytes) -> list[str]:
        """The codes that these events complete."""
        self._rest += data
        codes = []
        while len(self._rest) >= EVENT.size:
            _s, _us, kind, key, value = EVENT.unpack_from(self._rest)
            self._rest = self._rest[EVENT.size :]
            if kind == EV_KEY:
                code = self._take(key, value)
                if code:
                    codes.append(code)
        return codes

    def _take(self, key: int, value: int) -> str | None:
        if key in SHIFTS or key in CONTROLS:
            (self._held.discard if value == RELEASED else self._held.add)(key)
            return None
        if value != PRESSED:
            return None  # released, or held so long that it repeats
        if key in ENTERS:
            code = "" if self._is_endless else "".join(self._typed)
            self._typed.clear()
            self._is_endless = False
            return code
        if self._held & CONTROLS:
            character = CONTROLLED.get(key, "")
        else:
            character = (SHIFTED if self._held & SHIFTS else PLAIN).get(key, "")
        if self._is_endless:
            return None
        self._typed.append(character)
        if len(self._typed) > LONGEST:
            self._is_endless = True
            self._refuse("code", f"longer than {LONGEST} characters")
        return None
