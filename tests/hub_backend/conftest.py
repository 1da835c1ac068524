"""A hub's record for each test, on SQLite, and for some also on a real PostgreSQL."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_gateway.contract.topics import Address
from hub_backend.kit import Kit
from hub_backend.live import Live
from hub_backend.store import Store
from tests.free_port import free_port
from tests.hub_backend import made
from tests.hub_backend.made import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def fresh_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty record, migrated once and copied for each test."""
    file = tmp_path_factory.mktemp("record") / "hub.sqlite"
    store = Store(f"sqlite:///{file}")
    store.open()
    store.close()
    return file


@pytest.fixture
def sqlite_url(tmp_path: Path, fresh_record: Path) -> str:
    shutil.copy(fresh_record, tmp_path / "hub.sqlite")
    return f"sqlite:///{tmp_path / 'hub.sqlite'}"


@pytest.fixture
def kit(sqlite_url: str, clock: FakeClock) -> Iterator[Kit]:
    yield from open_kit(sqlite_url, clock)


def open_kit(url: str, clock: FakeClock) -> Iterator[Kit]:
    kit = Kit(settings=made.settings(url), clock=clock, store=Store(url), live=Live())
    kit.store.open()
    yield kit
    kit.store.close()


@pytest.fixture
def van_1() -> Address:
    return Address("buurenzo", "colmschate", "van-1")


class Mosquitto:
    """A real broker on loopback that can be stopped and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n"
            f"persistence true\npersistence_location {folder}/\nlog_dest none\n"
            + ("user root\n" if os.geteuid() == 0 else "")  # else it cannot write in a folder that only root may enter
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen([mosquitto_path(), "-c", str(self._config)])
        until = time.monotonic() + 90
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("mosquitto did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def mosquitto_path() -> str:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if found is None:
        pytest.skip("mosquitto is not installed")
    return found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL that this session started, without a database name."""
    with running_postgres(durable=False) as server:
        yield server.url


class Postgres:
    """A real PostgreSQL on loopback with its own data, that can be killed and started again on the same port."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not folders:
            pytest.skip("PostgreSQL is not installed (/usr/lib/postgresql)")
        self._tools, self._folder, self._as_user = folders[-1], folder, _as_user(folder)
        port = free_port()
        self.url = f"postgresql+psycopg://hub@127.0.0.1:{port}"
        self._options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync={'on' if durable else 'off'}"
        self._run("initdb", "-U", "hub", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        self._run("pg_ctl", "-w", "-o", self._options, "-l", str(self._folder / "log"), "start")

    def kill(self) -> None:
        """All its processes end at once, with whatever they are doing; it recovers when it starts again."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _run(self, tool: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._tools / tool), "-D", str(self._folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def running_postgres(*, durable: bool) -> Iterator[Postgres]:
    # not below pytest's own folder, which only its user may enter: PostgreSQL refuses to run as root
    with tempfile.TemporaryDirectory(prefix="hub-postgres-") as folder:
        server = Postgres(Path(folder), durable=durable)
        server.start()
        yield server
        server.kill()


def _as_user(folder: Path) -> list[str]:
    """As root it runs as the user that its package made, who must own the folder."""
    if os.geteuid() != 0:
        return []
    runuser = shutil.which("runuser")
    if runuser is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser")
    shutil.chown(folder, "postgres")
    return [runuser, "-u", "postgres", "--"]


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty database of its own."""
    return _postgres_database(postgres_server)


def _postgres_database(server: str) -> str:
    import psycopg

    name = f"t{secrets.token_hex(4)}"
    address = server.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    return f"{server}/{name}"


@pytest.fixture
def sqlite_databases(tmp_path: Path) -> Callable[[], str]:
    return lambda: f"sqlite:///{tmp_path / secrets.token_hex(4)}.sqlite"


@pytest.fixture
def postgres_databases(postgres_server: str) -> Callable[[], str]:
    return lambda: _postgres_database(postgres_server)


ANY = ["sqlite", pytest.param("postgres", marks=pytest.mark.servers)]


@pytest.fixture(params=ANY)
def new_database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives the address of a database in which nothing is yet, again and again, on each kind of database."""
    made: Callable[[], str] = request.getfixturevalue(f"{request.param}_databases")
    return made


@pytest.fixture(params=ANY)
def any_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty record, on each database."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def any_kit(any_url: str, clock: FakeClock) -> Iterator[Kit]:
    """The record on each database."""
    yield from open_kit(any_url, clock)
