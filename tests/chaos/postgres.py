"""A PostgreSQL of the campaign's own, that can be killed: it syncs to its disk, as in service."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.chaos.world import Database
from tests.edge_gateway.rig import can_connect, wait_until
from tests.free_port import free_port


class Postgres(Database):
    """One server with one database; `start` waits until it takes connections."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self._port = free_port()
        self._data = folder / "data"
        self._tools = tools
        self._as_user: list[str] = []
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(folder, "postgres")
            self._as_user = ["runuser", "-u", "postgres", "--"]
        self._options = f"-p {self._port} -k {folder} -c listen_addresses=127.0.0.1"
        self._log = folder / "log"
        self._run("initdb", "-U", "hub", "-A", "trust", "-E", "UTF8")
        super().__init__(f"postgresql+psycopg://hub@127.0.0.1:{self._port}/postgres")
        self.start()

    @property
    def is_server(self) -> bool:
        return True

    def start(self) -> None:
        if not can_connect(self._port):
            self._run("pg_ctl", "-w", "-o", self._options, "-l", str(self._log), "start")
            wait_until(lambda: can_connect(self._port))

    def kill(self) -> None:
        """The postmaster and all that serve a connection."""
        pid_file = self._data / "postmaster.pid"
        if not can_connect(self._port):
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
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _run(self, tool: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._tools / tool), "-D", str(self._data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Raises `RuntimeError` where there is no PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise RuntimeError("no PostgreSQL on this machine (Debian: postgresql)")
    folder.mkdir(parents=True, exist_ok=True)
    server = Postgres(folder, found[-1])
    try:
        yield server
    finally:
        server.start()
        server.stop()
