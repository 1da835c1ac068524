"""The router's process: holds the roads and the solver, answers questions from a socket until that closes.

`python -m hub_backend.dispatching.router FD MAP_DIR`, started by `solver.Solver` and by nobody else. It keeps no state
that matters: roads from the map's files, travel times it has worked out before. The hub imports nothing of this module,
nor of `answering`, `question`, `spots` and `lines`, and so needs no numpy, no scipy and no solver in its own memory.
"""

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

import msgspec

from hub_backend.dispatching.router import framing
from hub_backend.dispatching.router.answering import Router
from hub_backend.dispatching.router.problem import Failed, Request
from routing.model import RoutingError

log = logging.getLogger(__name__)


def serve(link: socket.socket, router: Router) -> None:
    """Answers until the hub closes."""
    while True:
        try:
            body = framing.receive(link)
        except framing.FramingError:
            return
        request: Request = msgspec.msgpack.decode(body, type=Request)
        framing.send(link, router.answer(request))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fd", type=int)
    parser.add_argument("map_dir", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    os.nice(2)  # the hub's own threads answer people and commit events: they go first
    with socket.socket(fileno=options.fd) as link:
        try:
            router = Router(options.map_dir)
        except RoutingError as error:
            log.error("roads_unreadable error=%s", error)
            return _refuse(link, error)
        serve(link, router)
    return 0


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
