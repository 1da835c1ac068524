"""A PostgreSQL of the campaign's own, that can be killed: it syncs to its disk, as in service."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.chaos.world import Database
from tests.edge_gateway.rig import can_connect
from tests.free_port import free_port


class Postgres(Database):
    """One server with one database. `start` tries once, and waits for what comes of it: a full disk lets none start."""

    def __init__(self, disk: Path, tools: Path) -> None:
        self._port = free_port()
        self._data = disk / "data"
        self._tools = tools
        self._as_user: list[str] = []
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(disk, "postgres")
            self._as_user = ["runuser", "-u", "postgres", "--"]
        self._options = f"-p {self._port} -k {disk} -c listen_addresses=127.0.0.1 -c max_wal_size=64MB"
        self._log = disk / "log"
        self._run("initdb", "-U", "hub", "-A", "trust", "-E", "UTF8")
        super().__init__(f"postgresql+psycopg://hub@127.0.0.1:{self._port}/postgres", disk)
        self.start()

    @property
    def is_server(self) -> bool:
        return True

    def is_up(self) -> bool:
        return can_connect(self._port)

    def start(self) -> None:
        if not self.is_up():
            with suppress(subprocess.CalledProcessError):
                self._run("pg_ctl", "-w", "-o", self._options, "-l", str(self._log), "start")

    def kill(self) -> None:
        """The postmaster and all that serve a connection."""
        pid_file = self._data / "postmaster.pid"
        if not self.is_up():
            return
        postmaster = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)
        pid_file.unlink(missing_ok=True)
        self.kills += 1

    def stop(self) -> None:
        if self.is_up():
            self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _run(self, tool: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._tools / tool), "-D", str(self._data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def postgres(disk: Path) -> Iterator[Postgres]:
    """A server whose files are on this disk. Raises `RuntimeError` where there is no PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise RuntimeError("no PostgreSQL on this machine (Debian: postgresql)")
    disk.mkdir(parents=True, exist_ok=True)
    server = Postgres(disk, found[-1])
    try:
        yield server
    finally:
        server.stop()
