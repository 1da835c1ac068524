"""What the gateway must still know after a restart, kept in the outbox's file and in its commits.

Which events of nodes and records of the page came already, today's events, and facts such as the plan.
"""

from collections.abc import Mapping, Sequence

from edge_gateway.contract.messages import AnyEvent, decode_event, encode
from edge_gateway.outbox.file import OutboxFile, Run
from edge_gateway.outbox.lanes import Identity

REMEMBERED = 20_000
"""How many identities of nodes' events are kept to recognise a repeat: the window is 8, so hours of business."""
REMEMBERED_RECORDS = 20_000
REMEMBERED_TODAY = 5_000


class Remembered:
    """The reading side, and the writes that belong into a commit of the outbox."""

    def __init__(self, file: OutboxFile) -> None:
        self._file = file

    def has(self, identity: Identity) -> bool:
        """True when this node's event is on disk, or was."""
        return bool(self._file.query("select 1 from seen where source = ? and boot = ? and seq = ?", identity))

    def answer(self, record_id: str) -> bytes | None:
        """The answer that a record of the page got when it was stored; None for a new one."""
        rows = self._file.query("select answer from records where id = ?", (record_id,))
        return bytes(rows[0][0]) if rows else None

    def fact(self, name: str) -> bytes | None:
        """What was kept under this name."""
        rows = self._file.query("select value from meta where key = ?", (f"fact:{name}",))
        return bytes(rows[0][0]) if rows else None

    def today(self) -> list[AnyEvent]:
        """The events kept for today, oldest first."""
        return [decode_event.decode(body) for (body,) in self._file.query("select body from today order by number")]

    def forget_today(self) -> None:
        """A new day begins. Raises `OutboxError`."""
        with self._file.write() as run:
            run("delete from today")

    def keep(
        self, run: Run, *, record: tuple[str, bytes] | None, facts: Mapping[str, bytes], today: Sequence[AnyEvent]
    ) -> None:
        """Inside the transaction `run`."""
        if record is not None:
            run("insert or ignore into records (id, answer) values (?, ?)", record)
        for name, value in facts.items():
            run("insert or replace into meta values (?, ?)", (f"fact:{name}", value))
        for event in today:
            run("insert into today (body) values (?)", (encode(event),))

    def tidy(self) -> None:
        """Forgets the oldest of what is remembered only to recognise repeats. Raises `OutboxError`."""
        with self._file.write() as run:
            run("delete from seen where id <= (select max(id) from seen) - ?", (REMEMBERED,))
            run("delete from records where number <= (select max(number) from records) - ?", (REMEMBERED_RECORDS,))
            run("delete from today where number <= (select max(number) from today) - ?", (REMEMBERED_TODAY,))
