"""The hub's side of the router: asks a process of its own, and ends it when it hangs.

A solver in C++ can hang or die; neither may stop the hub. So it runs in `dispatching.router`, and a question
has a deadline after which that process is killed; the next question starts a new one. It is a plain subprocess and not
one of `multiprocessing`, whose spawn would start a third process that only watches for leaks, 10 MB for nothing.
"""

import logging
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from hub_backend.dispatching.router import framing
from hub_backend.dispatching.router.problem import (
    Answer,
    Failed,
    PlanAnswer,
    PlanRequest,
    Request,
    TourAnswer,
    TourRequest,
)
from hub_backend.errors import HubError

log = logging.getLogger(__name__)

START_S = 30.0
"""For loading the roads and the solver on a busy machine, before the first answer."""

SLACK_S = 10.0
"""Beyond the solving time: matrix, check, geometry, and a machine that is busy with something else."""


class SolverError(HubError):
    """There is no answer: the router hung, died, or refused the question; the message says which."""


class Solver:
    """One router process, asked by one thread at a time. Started with the first question."""

    def __init__(
        self,
        map_dir: Path | None,
        *,
        command: tuple[str, ...] | None = None,
        start_s: float = START_S,
        slack_s: float = SLACK_S,
    ) -> None:
        self._map_dir = map_dir
        self._command = command or (sys.executable, "-m", "hub_backend.dispatching.router")
        self._start_s = start_s
        self._slack_s = slack_s
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._closed = False
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The router process's id, None while there is none."""
        return None if self._process is None else self._process.pid

    def plan(self, request: PlanRequest) -> PlanAnswer:
        """Raises `SolverError`."""
        answer = self._ask(request, request.seconds)
        if not isinstance(answer, PlanAnswer):
            raise SolverError(f"router: answered a plan with {type(answer).__name__}")
        return answer

    def tour(self, request: TourRequest) -> TourAnswer:
        """Raises `SolverError`."""
        answer = self._ask(request, request.seconds)
        if not isinstance(answer, TourAnswer):
            raise SolverError(f"router: answered a tour with {type(answer).__name__}")
        return answer

    def stop(self) -> None:
        """Ends the router process for good; a question that is under way gets a `SolverError`."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._turn:
            self._end()

    def _ask(self, request: Request, seconds: float) -> PlanAnswer | TourAnswer:
        with self._turn:
            fresh = self._process is None
            link = self._running()
            link.settimeout(seconds * 3 + self._slack_s + (self._start_s if fresh else 0.0))
            asked = time.monotonic()
            try:
                framing.send(link, request)
                answer: Answer = msgspec.msgpack.decode(framing.receive(link), type=Answer)
            except (OSError, msgspec.ValidationError) as error:
                late_s = time.monotonic() - asked
                self._end()
                self.restarts += 1
                log.error("router_lost after_s=%.1f error=%s", late_s, error)
                raise SolverError(f"router: no answer after {late_s:.1f} s ({error}); started anew") from error
        if isinstance(answer, Failed):
            raise SolverError(f"router: {answer.error}: {answer.detail}")
        return answer

    def _running(self) -> socket.socket:
        if self._closed:
            raise SolverError("router: the hub is stopping")
        if self._map_dir is None:
            raise SolverError("map_dir: not set, and without roads there is no plan")
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._link is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [*self._command, str(theirs.fileno()), str(self._map_dir)],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                )
            self._link = ours
        return self._link

    def _end(self) -> None:
        if self._link is not None:
            self._link.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._link = None
