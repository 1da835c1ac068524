"""The hub's side of the router: asks a process of its own, and ends it when it hangs.

A solver in C++ can hang or die; neither may stop the hub. So it runs in `dispatching.router`, and a question has a
deadline after which that process is killed; the next question starts a new one. A plan comes in two answers, a quick
one and a better one: when the second fails or is late, the first stands. The process is a plain subprocess and not one
of `multiprocessing`, whose spawn would start a third process that only watches for leaks, 10 MB for nothing.
"""

import logging
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
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
from hub_backend.dispatching.router.sense import nonsense
from hub_backend.errors import HubError
from hub_backend.settings import Settings

log = logging.getLogger(__name__)

START_S = 30.0
"""For loading the roads and the solver on a busy machine, before the first answer."""

SLACK_S = 10.0
"""Beyond the solving time: matrix, check, geometry, and a machine that is busy with something else."""

LOOK_S = 0.05
"""How often a waiting question is looked at, whether it has been overtaken."""

CANCEL_S = 2.0
"""How long a search may take to end once it was told to; then its process is killed."""


class SolverError(HubError):
    """There is no answer: the router hung, died, or refused the question; the message says which."""


class _GoneError(SolverError):
    """The router's process closed its link: it died, or is about to."""


class OvertakenError(HubError):
    """The question was ended because its answer would have been overtaken."""


def never() -> bool:
    """A question that nothing overtakes."""
    return False


class Solver:
    """One router process, asked by one thread at a time. Started with the first question."""

    def __init__(
        self,
        map_dir: Path | None,
        *,
        command: tuple[str, ...] | None = None,
        options: tuple[str, ...] = (),
        start_s: float = START_S,
        slack_s: float = SLACK_S,
    ) -> None:
        self._map_dir = map_dir
        self._command = command or (sys.executable, "-m", "hub_backend.dispatching.router")
        self._options = options
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

    def plan(self, request: PlanRequest, *, overtaken: Callable[[], bool] = never) -> PlanAnswer:
        """The search's answer, or that of the insertion when the search fails or is late (`tier` says which).

        `overtaken` is asked now and then; once it says so the search is ended. Raises `SolverError` when there is no
        answer at all, `OvertakenError`.
        """
        with self._turn:
            quick: PlanAnswer | None = None
            try:
                exchange, answer = self._first(request, overtaken)
                while True:
                    if not isinstance(answer, PlanAnswer):
                        raise SolverError(f"router: answered a plan with {type(answer).__name__}")
                    if (fault := nonsense(request, answer)) is not None:
                        raise self._lost(exchange, ValueError(fault))
                    if answer.tier == "search" or request.seconds <= 0:
                        return answer
                    quick = answer
                    answer = self._next(exchange, overtaken)
            except SolverError as error:
                if quick is None or self._closed:
                    raise
                log.warning("search_failed the_insertion_stands error=%s", error)
                return quick

    def tour(self, request: TourRequest) -> TourAnswer:
        """Raises `SolverError`."""
        with self._turn:
            _, answer = self._first(request, never)
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

    def _first(self, request: Request, overtaken: Callable[[], bool]) -> "tuple[_Exchange, Answer]":
        """The question's exchange and its first answer. Raises `SolverError`, `OvertakenError`.

        A process that was killed while nobody asked it closes its link a moment before its end can be seen, and a
        question that falls in that moment is told only that the other side is gone. It is asked once more, of a new
        process; only once, for it may be this question that ends every router.
        """
        served_before = self._process is not None and self._process.poll() is None
        try:
            exchange = self._begin(request, request.seconds)
            return exchange, self._next(exchange, overtaken)
        except _GoneError as error:
            if not served_before or self._closed or overtaken():
                raise
            log.warning("asked_again_of_a_new_router error=%s", error)
        exchange = self._begin(request, request.seconds)
        return exchange, self._next(exchange, overtaken)

    def _begin(self, request: Request, seconds: float) -> "_Exchange":
        fresh = self._process is None or self._process.poll() is not None
        link = self._running()
        asked_s = time.monotonic()
        deadline_s = asked_s + seconds * 3 + self._slack_s + (self._start_s if fresh else 0.0)
        exchange = _Exchange(link, asked_s, deadline_s, may_cancel=not fresh)
        try:
            link.settimeout(deadline_s - asked_s)
            framing.send(link, request)
        except OSError as error:
            raise self._lost(exchange, error) from error
        return exchange

    def _next(self, exchange: "_Exchange", overtaken: Callable[[], bool]) -> Answer:
        """The next answer. Raises `SolverError`, `OvertakenError`."""
        cancelled = False
        try:
            while not exchange.has_answer():
                if not cancelled and exchange.may_cancel and overtaken():
                    cancelled = True
                    self._cancel(exchange)
            answer = exchange.receive()
            exchange.may_cancel = True  # it has started
            while cancelled and not _is_final(answer):
                answer = exchange.receive()
        except (OSError, msgspec.DecodeError) as error:
            lost = self._lost(exchange, error)
            if cancelled:
                raise OvertakenError("router: overtaken, and ended") from error
            raise lost from error
        if cancelled:
            raise OvertakenError("router: overtaken")
        if isinstance(answer, Failed):
            raise SolverError(f"router: {answer.error}: {answer.detail}")
        return answer

    def _cancel(self, exchange: "_Exchange") -> None:
        """Ask the process to end its search; it has a moment for that."""
        if self._process is not None:
            self._process.send_signal(signal.SIGUSR1)
        exchange.deadline_s = min(exchange.deadline_s, time.monotonic() + CANCEL_S)

    def _lost(self, exchange: "_Exchange", error: Exception) -> SolverError:
        """The process hung, died or spoke nonsense: it is ended, and the next question starts another."""
        late_s = time.monotonic() - exchange.asked_s
        self._end()
        self.restarts += 1
        log.error("router_lost after_s=%.1f error=%s", late_s, error)
        kind = _GoneError if isinstance(error, ConnectionError) else SolverError
        return kind(f"router: no answer after {late_s:.1f} s ({error}); started anew")

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
                    [*self._command, str(theirs.fileno()), str(self._map_dir), *self._options],
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


@dataclass
class _Exchange:
    """One question on its way: its link, and until when an answer is waited for, both machine time.

    `may_cancel`: a process that is still starting would be killed by the signal that is to end its search.
    """

    link: socket.socket
    asked_s: float
    deadline_s: float
    may_cancel: bool

    def has_answer(self) -> bool:
        """Waits a moment for an answer to begin. Raises `TimeoutError` once it is late."""
        left_s = self.deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        return bool(select.select([self.link], [], [], min(LOOK_S, left_s))[0])

    def receive(self) -> Answer:
        """The next answer. Raises `OSError`, `msgspec.DecodeError`."""
        self.link.settimeout(max(0.01, self.deadline_s - time.monotonic()))
        answer: Answer = msgspec.msgpack.decode(framing.receive(self.link), type=Answer)
        return answer


def _is_final(answer: Answer) -> bool:
    return not isinstance(answer, PlanAnswer) or answer.tier == "search"


def solver_of(settings: Settings) -> Solver:
    """A router on the map of the settings, which asks their road server first where they name one."""
    if settings.road_server == "own":
        return Solver(settings.map_dir)
    return Solver(
        settings.map_dir,
        options=(
            f"--{settings.road_server}={settings.road_server_url}",
            f"--road-server-timeout-s={settings.road_server_timeout_s}",
        ),
    )
