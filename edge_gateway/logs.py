"""Logs as one line an event: `ts=… level=… part=… event=… key=value`."""

import logging
import sys
import time


class _Line(logging.Formatter):
    def __init__(self) -> None:
        form = "ts=%(asctime)s.%(msecs)03dZ level=%(levelname)s part=%(part)s %(message)s"
        super().__init__(form, datefmt="%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        record.part = record.name.rpartition(".")[2]
        return super().format(record)


def start(level: str) -> None:
    """To standard error, which systemd keeps."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("can", "asyncio", "gpsd", "pynmeagps"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("isotp").setLevel(logging.CRITICAL)  # a line a frame on a noisy bus; we count its faults
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
