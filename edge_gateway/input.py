"""An input's thread: it opens a device, listens until the device is lost, and tries again after a growing pause."""

import logging
import random
import threading
from abc import ABC, abstractmethod

from edge_gateway.errors import ReceiverError

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2


class Input(ABC):
    """A device may be absent, disappear and come back: that is told in the log and is nobody's error.

    `name` is the thread's. Pauses double up to `longest_pause_s`, half to one and a half as long by `random`.
    """

    def __init__(self, name: str, *, random: random.Random, longest_pause_s: float = 15.0) -> None:
        self._name = name
        self._random = random
        self._longest_pause_s = longest_pause_s
        self._pause_s = FIRST_PAUSE_S
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def _listen(self) -> None:
        """Open the device, say `_is_well`, listen while `runs`. Raises `OSError` or `ReceiverError` when it is lost."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of the device, which may not have been opened."""

    def _rest(self, pause_s: float) -> None:
        """Between two tries."""
        self._stopping.wait(pause_s)

    @property
    def runs(self) -> bool:
        return not self._stopping.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    def _is_well(self) -> None:
        """It is open: the next pause is a short one again."""
        self._pause_s = FIRST_PAUSE_S

    def _run(self) -> None:
        while self.runs:
            try:
                self._listen()
            except (OSError, ReceiverError) as error:
                log.info("event=input_lost input=%s error=%r retry_s=%.1f", self._name, str(error), self._pause_s)
            finally:
                self._close()
            if self.runs:
                self._rest(self._pause_s * self._random.uniform(0.5, 1.5))
            self._pause_s = min(self._pause_s * 2, self._longest_pause_s)
