"""A router's process that goes wrong: `python -m tests.hub_dispatch.wayward_router HOW FD MAP_DIR`.

It answers every question by hand, as the insertion would, and then, where the search's answer should come, does HOW.
"""

import os
import signal
import socket
import struct
import sys
import time

import msgspec

from hub_backend.dispatching.router import framing
from hub_backend.dispatching.router.problem import Left, PlanAnswer, PlanRequest, Request
from tests.hub_dispatch.by_hand import by_hand


def go_wrong(link: socket.socket, how: str, answer: PlanAnswer) -> None:
    searched = msgspec.structs.replace(answer, tier="search")
    match how:
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hangs":
            time.sleep(60)
        case "leaves":  # as one that was killed looks for a moment: its link is closed, and its end not yet to be seen
            framing.send(link, searched)
            link.close()
            time.sleep(60)
        case "rubbish":
            link.sendall(struct.pack(">I", 7) + b"\xc1garbage"[:7])
        case "too_long":
            link.sendall(struct.pack(">I", 1 << 31) + b"x")
        case "stranger":
            framing.send(link, msgspec.structs.replace(searched, unserved=(Left(task="nobody", reason="?"),)))
        case "forgets":
            routes = tuple(msgspec.structs.replace(route, steps=()) for route in answer.routes)
            framing.send(link, msgspec.structs.replace(searched, routes=routes))
        case "nowhere":
            routes = tuple(
                msgspec.structs.replace(
                    route, steps=tuple(msgspec.structs.replace(step, lat=float("nan")) for step in route.steps)
                )
                for route in answer.routes
            )
            framing.send(link, msgspec.structs.replace(searched, routes=routes))


def main() -> None:
    how, fd = sys.argv[1], int(sys.argv[2])
    with socket.socket(fileno=fd) as link:
        while True:
            request: Request = msgspec.msgpack.decode(framing.receive(link), type=Request)
            assert isinstance(request, PlanRequest)
            quick = msgspec.structs.replace(by_hand(request), tier="insertion")
            framing.send(link, quick)
            if request.seconds > 0:
                go_wrong(link, how, quick)


if __name__ == "__main__":
    main()
