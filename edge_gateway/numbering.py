"""Which of a node's numbers have not come: it numbers its readings 0, 1, 2, … since each of its starts."""

MOST = 10_000
"""So many absent numbers are remembered one by one; more are only counted, and never taken for late."""


class Numbering:
    """The readings of one node, in any order and more than once. Not safe for threads: its port's own."""

    def __init__(self) -> None:
        self._boot = -1
        self._highest = -1
        self._awaited: set[int] = set()
        self._given_up = 0

    @property
    def missing(self) -> int:
        """Numbers below the highest that have not come, of all starts that were heard."""
        return self._given_up + len(self._awaited)

    def heard(self, boot: int, seq: int) -> None:
        """Reading `seq` of start `boot` is here. What lies before the first of a start is not known to be missing."""
        if boot < self._boot:
            return
        if boot > self._boot:
            self._given_up += len(self._awaited)
            self._awaited.clear()
            self._boot, self._highest = boot, seq
            return
        self._awaited.discard(seq)
        if seq > self._highest:
            absent = seq - self._highest - 1
            room = min(absent, MOST - len(self._awaited))
            self._awaited.update(range(seq - room, seq))
            self._given_up += absent - room
            self._highest = seq
