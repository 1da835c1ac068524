"""The power goes: what the disk has is what was written before the last fdatasync, and nothing after it.

kill -9 cannot show this, for the page cache survives it. So a gateway is run under strace, which tells in one order
every write to the outbox's files, every fdatasync, and every answer to the page. From that each file is put together as
of its last fdatasync at the moment of each answer, opened as after a power cut, and searched for what was acknowledged.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from edge_gateway.contract.sealing import new_key
from tests.conftest import ROOT
from tests.edge_gateway.rig import can_connect, wait_until
from tests.free_port import free_port

CALLS = "openat,pwrite64,write,ftruncate,fdatasync,fsync,unlink,sendto"
LINE = re.compile(r"^(\d+)\s+(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$", re.S)
FILE = re.compile(r"^(\d+)<([^>]*)>")
QUOTED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass
class Disk:
    """A file as programs see it, and as the disk has it."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytes = b""

    def write(self, data: bytes, offset: int) -> None:
        if len(self.seen) < offset:
            self.seen.extend(b"\0" * (offset - len(self.seen)))
        self.seen[offset : offset + len(data)] = data


@dataclass(frozen=True)
class Cut:
    """The moment of an answer: what it acknowledged, the files as the disk had them, and how often it had been asked
    to keep them."""

    acked: frozenset[str]
    files: dict[str, bytes]
    syncs: int


@dataclass(frozen=True)
class Toll:
    """Of taps that were acknowledged: how many were gone after a cut at some acknowledgement, and fdatasync per ack."""

    acked: int
    gone: int
    syncs_per_ack: float


def toll(folder: Path, program: Sequence[str], *, taps: int = 20) -> Toll:
    """Taps on the page of a gateway that is run so, with a power cut at each acknowledgement."""
    trace = traced_taps(folder, program, taps=taps)
    acked: set[str] = set()
    gone: set[str] = set()
    syncs: list[int] = []
    for number, cut in enumerate(cuts(trace, "outbox.sqlite")):
        acked |= cut.acked
        gone |= acked - survivors(cut, folder / f"cut-{number}")
        syncs.append(cut.syncs)
    between = len(syncs) - 1  # what came before the first acknowledgement was for the file itself
    return Toll(len(acked), len(gone), (syncs[-1] - syncs[0]) / between if between > 0 else 0.0)


def traced_taps(folder: Path, program: Sequence[str], *, taps: int) -> Path:
    """Runs a gateway under strace, taps, ends it; the trace. Raises `RuntimeError` where strace may not trace."""
    folder.mkdir(parents=True, exist_ok=True)
    port, trace, config = free_port(), folder / "trace", folder / "van.toml"
    config.write_text(
        f'org = "buurenzo"\nhub = "colmschate"\ngateway = "van-1"\nrole = "van"\nkey = "{new_key()}"\n'
        f'mqtt_host = "127.0.0.1"\nmqtt_port = {free_port()}\nhttp_port = {port}\ndata_dir = "{folder}"\n'
    )
    strace = shutil.which("strace")
    if strace is None:
        raise RuntimeError("no strace on this machine")
    watched = [strace, "-f", "-qq", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(trace)]
    command = [*watched, sys.executable, *program, "--config", str(config)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            wait_until(lambda: process.poll() is not None or can_connect(port), within_s=60)
            if process.poll() is not None:
                assert process.stderr is not None
                raise RuntimeError(f"strace may not trace here: {process.stderr.read().decode()[-300:]}")
            for _ in range(taps):
                tap = {"id": str(uuid.uuid4()), "kind": "tour", "phase": "started"}
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/api/records",
                    json.dumps([tap]).encode(),
                    {"Content-Type": "application/json"},
                )
                with urllib.request.urlopen(request, timeout=30) as answer:
                    assert tap["id"] in json.loads(answer.read())["stored"]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # strace, which alone would leave the gateway running
    return trace


def cuts(trace: Path, name: str) -> Iterator[Cut]:
    """Every answer that acknowledged something, with the files whose name begins with `name` as the disk had them."""
    disks: dict[str, Disk] = {}
    syncing: dict[str, tuple[str, bytes]] = {}
    syncs = 0
    for thread, call, words, finished in _calls(trace):
        if call == "sendto":
            if acked := frozenset(re.findall(r'"stored":\["([^"]+)"\]', _data(words).decode(errors="replace"))):
                yield Cut(acked, {file: disk.durable for file, disk in disks.items()}, syncs)
            continue
        if call == "unlink":
            disks.pop(Path(_data(words).decode()).name, None)
            continue
        path = _path(words)
        if path is None or not Path(path).name.startswith(name):
            continue
        file = Path(path).name
        disk = disks.setdefault(file, Disk())
        match call:
            case "pwrite64":
                disk.write(_data(words), int(re.findall(r", (\d+)", words)[-1]))
            case "ftruncate":
                del disk.seen[int(re.findall(r", (\d+)", words)[-1]) :]
            case "fdatasync" | "fsync" if not finished:
                syncing[thread] = (file, bytes(disk.seen))
            case "fdatasync" | "fsync":
                begun = syncing.pop(thread, (file, bytes(disk.seen)))
                disks[begun[0]].durable = begun[1]
                syncs += 1


def survivors(cut: Cut, folder: Path) -> set[str]:
    """The ids of records in the outbox after the power came back."""
    folder.mkdir()
    for file, content in cut.files.items():
        if not file.endswith("-shm"):  # made anew: it is no part of what SQLite asks the disk to keep
            (folder / file).write_bytes(content)
    with closing(sqlite3.connect(folder / "outbox.sqlite")) as outbox:
        try:
            return {str(row[0]) for row in outbox.execute("select id from records")}
        except sqlite3.DatabaseError:
            return set()


def _calls(trace: Path) -> Iterator[tuple[str, str, str, bool]]:
    """Thread, call, its words, and whether it has come back: a call that others interrupt is told twice."""
    begun: dict[str, str] = {}
    for text in trace.read_text(errors="replace").splitlines():
        found = LINE.match(text)
        if found is None:
            continue
        thread, resumed, call, words = found.groups()
        if resumed is not None:
            yield thread, resumed, begun.pop(thread, "") + words, True
        elif words.endswith("<unfinished ...>"):
            begun[thread] = words.removesuffix("<unfinished ...>")
            if call in ("fdatasync", "fsync"):
                yield thread, call, words, False
        else:
            yield thread, call, words, True


def _data(words: str) -> bytes:
    quoted = QUOTED.search(words)
    return bytes.fromhex(quoted[1].replace("\\x", "")) if quoted else b""


def _path(words: str) -> str | None:
    found = FILE.match(words)
    if found is None:
        return None
    name = found[2]
    return bytes.fromhex(name.replace("\\x", "")).decode() if name.startswith("\\x") else name
