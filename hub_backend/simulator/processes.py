"""The demo's child processes: started with a log file each, watched, measured, and ended with their parent.

A child leads a group of its own (one Ctrl-C reaches only the demo, which then stops them in order) and is told by the
kernel when the demo dies, however it dies.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from hub_backend.simulator.errors import DemoError

PR_SET_PDEATHSIG = 1  # linux/prctl.h
TAIL_LINES = 12


def _death_signal_setter() -> Callable[[], None] | None:
    """What a child runs before its program: `SIGTERM` when the parent dies. None where the kernel has no such thing."""
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (AttributeError, OSError):
        return None
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


@dataclass
class Child:
    """One running process. `stdin` is its unbuffered standard input when it was asked for."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stdin: IO[bytes] | None = None
    command: tuple[str, ...] = ()
    handle: psutil.Process = field(init=False)

    def __post_init__(self) -> None:
        self.handle = psutil.Process(self.process.pid)

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])

    def cpu_s(self) -> float | None:
        """Processor time that it and those it started have used; None when it is gone."""
        try:
            family = [self.handle, *self.handle.children(recursive=True)]
            return sum(member.cpu_times().user + member.cpu_times().system for member in family)
        except psutil.Error:
            return None

    def rss_mb(self) -> float | None:
        """Resident memory of the process and of those it started; None when it is gone.

        A file that several of them have mapped lies in memory once, and counts once: as the one that has most of it.
        """
        own_bytes = 0
        files_bytes: dict[str, int] = {}
        try:
            family = (self.handle, *self.handle.children(recursive=True))
            if len(family) == 1:  # the same figure, without the kernel walking through each page
                return float(self.handle.memory_info().rss) / 1e6
            for member in family:
                for mapped in member.memory_maps():
                    of_file = mapped.rss - mapped.anonymous if mapped.path.startswith("/") else 0
                    own_bytes += mapped.rss - of_file
                    files_bytes[mapped.path] = max(files_bytes.get(mapped.path, 0), of_file)
        except psutil.Error:
            return None
        return (own_bytes + sum(files_bytes.values())) / 1e6


class Processes:
    """Starts children, tells which ended, and stops all of them, the last started first."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: list[Child] = []
        self._killed: dict[str, Child] = {}
        self._before_exec = _death_signal_setter()
        log_dir.mkdir(parents=True, exist_ok=True)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        pass_fds: Sequence[int] = (),
        stdin: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """Raises `DemoError` when the program cannot be started."""
        log = self._log_dir / f"{name}.log"
        try:
            with log.open("ab") as out:
                process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    pass_fds=tuple(pass_fds),
                    bufsize=0,
                    start_new_session=True,
                    preexec_fn=self._before_exec,  # noqa: PLW1509 - one prctl, no lock, started from the main thread
                    env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                )
        except OSError as error:
            raise DemoError(f"{name}: cannot start {command[0]}: {error}") from error
        child = Child(name, process, log, process.stdin, tuple(command))
        self._children.append(child)
        return child

    def cpu_s(self) -> dict[str, float]:
        """Processor time of each child, s."""
        used = {child.name: child.cpu_s() for child in self._children}
        return {name: round(seconds, 1) for name, seconds in used.items() if seconds is not None}

    def names(self) -> list[str]:
        return [child.name for child in self._children]

    def child(self, name: str) -> Child:
        """Raises `KeyError` for one that is not there, or was killed."""
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return found

    def find(self, name: str) -> Child | None:
        return next((child for child in self._children if child.name == name), None)

    def kill(self, name: str) -> list[psutil.Process]:
        """kill -9, of this process alone: gives those that it had started, which must end by themselves."""
        child = self.child(name)
        family = child.handle.children(recursive=True)
        self._children.remove(child)
        self._killed[name] = child
        child.process.kill()
        child.process.wait()
        return family

    def start_again(self, name: str) -> Child:
        """The command of a killed child once more, as systemd would. Raises `DemoError`."""
        return self.start(name, self._killed.pop(name).command)

    def check(self) -> None:
        """Raises `DemoError` with the end of its log when a child has ended."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise DemoError(f"{child.name} ended with {code}; the end of {child.log}:\n{child.tail()}")

    def end(self, children: Iterable[Child], *, timeout_s: float = 5.0) -> None:
        """Ask these to end, then make them: within `timeout_s` all of their groups are gone."""
        ending = list(children)
        for child in ending:
            if child.stdin is not None and not child.stdin.closed:
                child.stdin.close()
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + timeout_s
        for child in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.05, deadline - time.monotonic()))
            _kill_group(child.process.pid)
            child.process.wait()
            self._children.remove(child)

    def stop(self) -> None:
        """End all of them: what feeds first, then the hub, then the broker (the order of starting, backwards)."""
        for dead in self._killed.values():
            _kill_group(dead.process.pid)
        inputs = [child for child in self._children if child.stdin is not None]
        self.end(inputs, timeout_s=2.0)
        broker, others = self._children[:1], self._children[1:]
        self.end(others, timeout_s=5.0)
        self.end(broker, timeout_s=2.0)


def _kill_group(leader: int) -> None:
    """Kill what is left of a child's group; nothing to do when nothing is left."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
