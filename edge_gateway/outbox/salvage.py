"""What can still be read from an outbox's file that was damaged and set aside.

Two ways, together: what SQLite still finds, row by row, and what the file's bytes show (an event's JSON lies in one
piece unless it is long). The second also finds events that the hub has had long since: it knows them by their identity.
"""

import json
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge_gateway.contract.messages import AnyEvent, Lane, decode_event
from edge_gateway.outbox.lanes import Identity

log = logging.getLogger(__name__)

ROWS = (
    *(f"{lane.value} where true" for lane in Lane),
    *(f"events where lane = '{lane.value}'" for lane in Lane),  # of a file from before November 2026
)
BEGINS = b'{"kind":"'
LONGEST = 8_192
"""Bytes that are looked through for the end of an event."""


def salvage(file: Path) -> list[AnyEvent]:
    """Every event that can be read, once, by source and number. Raises `OSError` when the file cannot be opened."""
    found: dict[Identity, AnyEvent] = {}
    for body in (*_rows(file), *_carved(file)):
        try:
            event = decode_event.decode(body)
        except msgspec.MsgspecError:
            continue
        found.setdefault((event.source, event.boot, event.seq), event)
    return [found[identity] for identity in sorted(found)]


def _rows(file: Path) -> Iterator[bytes]:
    """What SQLite reads from a copy, past every row that it cannot."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        copy = Path(folder) / "copy"
        for suffix in ("", "-wal"):
            part = file.with_name(file.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
        connection = sqlite3.connect(copy, isolation_level=None)
        try:
            for rows in ROWS:
                yield from _rows_of(connection, rows)
        finally:
            connection.close()


def _rows_of(connection: sqlite3.Connection, rows: str) -> Iterator[bytes]:
    for order, beyond in (("asc", ">"), ("desc", "<")):  # from both ends up to the damage
        at = -1 if order == "asc" else 2**62
        while True:
            try:
                row = connection.execute(
                    f"select n, body from {rows} and n {beyond} ? order by n {order} limit 1", (at,)
                ).fetchone()
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                    return  # no such table
                log.warning("event=salvage_stopped rows=%r n=%d error=%r", rows, at, str(error))
                break
            if row is None:
                return
            at = row[0]
            yield bytes(row[1])


def _carved(file: Path) -> Iterator[bytes]:
    """Whole JSON objects in the bytes of the file and of its journal."""
    decoder = json.JSONDecoder()
    for suffix in ("", "-wal"):
        part = file.with_name(file.name + suffix)
        if not part.exists():
            continue
        data = part.read_bytes()
        at = data.find(BEGINS)
        while at >= 0:
            text = data[at : at + LONGEST].decode("utf-8", errors="replace")
            try:
                _value, end = decoder.raw_decode(text)
                yield text[:end].encode()
            except (json.JSONDecodeError, RecursionError):
                pass
            at = data.find(BEGINS, at + 1)
