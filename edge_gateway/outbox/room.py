"""How much the outbox may hold, and who gives way: telemetry is thinned, then dropped; business never is.

Bytes of events on disk, not of the file: SQLite's pages are never quite full, so the file is given `FILL` of it. A part
is reserved for business: telemetry never takes it, so that scans and visits always find room without waiting.
"""

from dataclasses import dataclass
from typing import Self

from edge_gateway.contract.messages import Lane, decode_event
from edge_gateway.errors import OutboxFullError
from edge_gateway.outbox.lanes import LaneWrite
from edge_gateway.outbox.thinning import GROUP, thin

FILL = 0.8
"""What of the file is events: pages are some 90 % full, and the rest of the file remembers repeats."""
RESERVED = 0.1
CHUNK = 2_000
"""Events thinned at a time, at most: some tens of milliseconds on a Pi, so that a scan need not wait for long."""
SHARE = 8
"""Of what is held only the oldest eighth is thinned at once, so that the newest stays as it was."""
WORTH = 0.8
"""Thinning that leaves more than this of a chunk's bytes is not worth it any more: the chunk is dropped instead."""


@dataclass(frozen=True)
class Room:
    """Bytes of events that may lie on disk, and how many of them telemetry may take."""

    all_bytes: int
    telemetry_bytes: int

    @classmethod
    def of_file(cls, file_bytes: int) -> Self:
        """For a file that may grow to `file_bytes`."""
        whole = int(file_bytes * FILL)
        return cls(whole, int(whole * (1 - RESERVED)))

    def make(self, lanes: LaneWrite) -> None:
        """Lets telemetry give way until all fits. Raises `OutboxFullError` when business alone does not."""
        business, telemetry = (lanes.numbers[lane] for lane in (Lane.BUSINESS, Lane.TELEMETRY))
        if business.bytes > self.all_bytes:
            raise OutboxFullError(
                f"outbox: {business.on_disk} business events wait for the hub and fill it; restore the connection"
            )
        limit = min(self.telemetry_bytes, self.all_bytes - business.bytes)
        while telemetry.bytes > limit:
            _give_way(lanes)


def _give_way(lanes: LaneWrite) -> None:
    share = lanes.numbers[Lane.TELEMETRY].on_disk // SHARE
    oldest = lanes.oldest(Lane.TELEMETRY, min(CHUNK, max(share, GROUP)))
    before = sum(len(body) for _n, body in oldest)
    thinned = thin(decode_event.decode(body) for _n, body in oldest)
    last_n = oldest[-1][0]
    after = lanes.size_of(thinned)
    if after <= WORTH * before:
        lanes.replace_oldest(Lane.TELEMETRY, last_n, thinned)
    else:
        lanes.drop_oldest(Lane.TELEMETRY, last_n)
