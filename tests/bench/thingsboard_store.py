"""Runs in ThingsBoard Gateway's own environment: how fast its SQLite store has a burst on disk.

`python thingsboard_store.py FOLDER EVENTS`: prints events a second, from the first `put` until the last row is in the
file. `put` itself answers before anything is written. Only its own store is used, with its own defaults.
"""

import json
import logging
import sqlite3
import sys
import threading
import time
from pathlib import Path

from thingsboard_gateway.storage.sqlite.sqlite_event_storage import SQLiteEventStorage


class Log(logging.Logger):
    """Its own logger knows one level more."""

    def trace(self, *_words: object, **_more: object) -> None:
        pass


def main(folder: Path, count: int) -> None:
    stopping = threading.Event()
    store = SQLiteEventStorage({"data_file_path": f"{folder}/"}, Log("store", logging.CRITICAL), stopping)
    body = {"lat": 52.251234, "lon": 6.212345, "speed_m_s": 8.3, "heading_deg": 271.5, "fix": "3d", "clock": "gps"}
    messages = [
        json.dumps({"deviceName": "van-1", "telemetry": [{"ts": 1795417200000 + i, "values": {**body, "seq": i}}]})
        for i in range(count)
    ]
    reader = sqlite3.connect(folder / "data.db")
    began = time.monotonic()
    for message in messages:
        store.put(message)
    answered_s = time.monotonic() - began
    while (reader.execute("select max(id) from messages").fetchone()[0] or 0) < count:
        time.sleep(0.01)
        if time.monotonic() - began > 120:
            sys.exit("not on disk within 120 s")
    took_s = time.monotonic() - began
    reader.close()
    store.stop()
    print(json.dumps({"events_per_s": count / took_s, "answered_per_s": count / answered_s}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
