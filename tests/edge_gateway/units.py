"""Control units of a van on a virtual bus: real ISO-TP through can-isotp, each answering what it was given."""

import threading
from collections.abc import Mapping

import can
import isotp

from edge_gateway.vehicle_profile import STANDARD_IDS


class Unit:
    """One unit that hears `tx` and answers on `rx`; `answers` by request in hex. Others it refuses, as units do."""

    def __init__(self, channel: str, *, tx: int, rx: int, answers: Mapping[str, str | list[str]]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []
        self._bus = can.Bus(interface="virtual", channel=channel)
        wide = tx >= STANDARD_IDS
        mode = isotp.AddressingMode.Normal_29bits if wide else isotp.AddressingMode.Normal_11bits
        self._stack = isotp.CanStack(self._bus, address=isotp.Address(mode, txid=rx, rxid=tx), params={"stmin": 0})
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stack.process(rx_timeout=0.005)
            request = self._stack.recv()
            if request is not None:
                self.asked.append(bytes(request).hex().upper())
                answers = self.answers.get(self.asked[-1], f"7F{self.asked[-1][:2]}31")
                for answer in [answers] if isinstance(answers, str) else answers:
                    self._stack.send(bytes.fromhex(answer))
                    while self._stack.transmitting():
                        self._stack.process(rx_timeout=0.001)

    def say(self, can_id: int, data: bytes) -> None:
        """A broadcast frame."""
        self._bus.send(can.Message(arbitration_id=can_id, data=data, is_extended_id=can_id >= STANDARD_IDS))

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._bus.shutdown()
