"""The router's process: holds the roads and the solver, answers questions from a socket until that closes.

`python -m hub_backend.dispatching.router FD MAP_DIR`, started by `solver.Solver` and by nobody else. It keeps no state
that matters: roads from the map's files, travel times it has worked out before. The hub imports nothing of this module,
nor of `answering`, `question`, `spots` and `lines`, and so needs no numpy, no scipy and no solver in its own memory.
"""

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Generator
from pathlib import Path
from types import FrameType

import msgspec

from hub_backend.dispatching.router import framing
from hub_backend.dispatching.router.answering import Router
from hub_backend.dispatching.router.fetching import Fetching
from hub_backend.dispatching.router.pace import ServedFirst
from hub_backend.dispatching.router.problem import CANCELLED, Answer, Failed, Request
from hub_backend.memory import give_back, keep_little
from routing.model import RoutingError
from routing.road_servers import OsrmSource, ValhallaSource
from routing.travel_table import TravelTable

log = logging.getLogger(__name__)


class CancelledError(BaseException):
    """The hub no longer wants the answer. No `Exception`, so that nobody on the way takes it for his own."""


class Desk:
    """Answers one question at a time; SIGUSR1 ends the one that is being answered, wherever it has come to.

    A signal and not a message, because the search is in the middle of its loop: between two steps of it Python lets the
    handler run. While an answer is being sent nothing is interrupted, or the hub would read half a message.
    """

    def __init__(self, link: socket.socket, router: Router) -> None:
        self._link, self._router = link, router
        self._working = self._cancelled = False

    def cancel(self, _signal: int, _frame: FrameType | None) -> None:
        """The signal's handler."""
        self._cancelled = True
        if self._working:
            self._working = False
            raise CancelledError

    def serve(self) -> None:
        """Answers until the hub closes."""
        while True:
            try:
                body = framing.receive(self._link)
            except framing.FramingError:
                return
            self._cancelled = False
            request: Request = msgspec.msgpack.decode(body, type=Request)
            answers = self._router.answers(request)
            while (answer := self._next(answers)) is not None:
                framing.send(self._link, answer)
            give_back()

    def _next(self, answers: Generator[Answer]) -> Answer | None:
        try:
            self._working = True
            if self._cancelled:
                raise CancelledError
            answer = next(answers, None)
            self._working = False
        except CancelledError:
            self._cancelled = False
            answers.close()
            return Failed(error=CANCELLED, detail="overtaken")
        return answer


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fd", type=int)
    parser.add_argument("map_dir", type=Path)
    parser.add_argument("--osrm", help="an OSRM server to ask first")
    parser.add_argument("--valhalla", help="a Valhalla server to ask first")
    parser.add_argument("--road-server-timeout-s", type=float, default=2.0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    keep_little()
    os.nice(2)  # the hub's own threads answer people and commit events: they go first
    with socket.socket(fileno=options.fd) as link:
        try:
            router = Router(options.map_dir, _server(options))
        except RoutingError as error:
            log.error("roads_unreadable error=%s", error)
            return _refuse(link, error)
        desk = Desk(link, router)
        signal.signal(signal.SIGUSR1, desk.cancel)
        desk.serve()
    return 0


def _server(options: argparse.Namespace) -> ServedFirst | None:
    fetch = Fetching(options.road_server_timeout_s)
    if options.osrm:
        return ServedFirst(TravelTable(OsrmSource(options.osrm, fetch)))
    if options.valhalla:
        return ServedFirst(TravelTable(ValhallaSource(options.valhalla, fetch)))
    return None


def _refuse(link: socket.socket, error: RoutingError) -> int:
    """Answers every question with the reason why there are no roads."""
    while True:
        try:
            framing.receive(link)
        except framing.FramingError:
            return 1
        framing.send(link, Failed(error=type(error).__name__, detail=str(error)))


if __name__ == "__main__":
    sys.exit(main())
