"""A hand scanner's thread: codes in, scans out, through the same judge as the nodes' and the page's."""

import logging
import random

from edge_gateway.errors import OutboxError
from edge_gateway.input import Input
from edge_gateway.intake import HeardCode, Intake
from edge_gateway.page_messages import PageNode
from edge_gateway.rejects import Rejects
from edge_gateway.scanner.devices import Device, KeyboardScanner, SerialScanner
from edge_gateway.settings import ScannerSettings
from edge_gateway.state import State
from edge_gateway.timekeeping import Timekeeper

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 5.0
TRIES = 3
"""A code that the disk would not take is tried again so often; then the concierge hears to scan again."""
TRY_AGAIN_S = 0.5


class Scanner(Input):
    """One scanner."""

    def __init__(
        self,
        settings: ScannerSettings,
        *,
        gateway: str,
        intake: Intake,
        state: State,
        rejects: Rejects,
        time: Timekeeper,
        random: random.Random,
        poll_s: float,
    ) -> None:
        super().__init__(f"scanner-{settings.name}", random=random, longest_pause_s=LONGEST_PAUSE_S)
        self._source = f"{gateway}/{settings.name}"
        self._intake = intake
        self._state = state
        self._rejects = rejects
        self._time = time
        self._device: Device
        kind, _, path = settings.device.partition(":")
        if kind == "hid":
            self._device = KeyboardScanner(path, poll_s=poll_s, refuse=self._refuse)
        else:
            self._device = SerialScanner(path, poll_s=poll_s, refuse=self._refuse)

    def start(self) -> None:
        self._show(online=False)
        super().start()

    def _refuse(self, field: str, reason: str) -> None:
        self._rejects.add(self._source, field, reason)

    def _listen(self) -> None:
        self._device.open()
        log.info("event=scanner_open scanner=%s", self._source)
        self._is_well()
        self._show(online=True)
        while self.runs:
            for code in self._device.read():
                self._take(code)

    def _close(self) -> None:
        self._device.close()
        self._show(online=False)

    def _take(self, code: str) -> None:
        heard = HeardCode(raw=code, t_s=self._time.now_s(), clock=self._time.quality)
        for _ in range(TRIES):
            try:
                self._intake.scan(heard)
                return
            except OutboxError as error:
                log.error("event=scan_not_kept scanner=%s error=%r", self._source, str(error))
                if self._stopping.wait(TRY_AGAIN_S):
                    return
        self._refuse("code", "not kept, the disk refuses: scan again")

    def _show(self, *, online: bool) -> None:
        seen_s = self._time.now_s() if online else None
        self._state.show_node(PageNode(source=self._source, kind="scanner", online=online, seen_s=seen_s))
