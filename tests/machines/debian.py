"""A Debian machine of its own: a folder made by debootstrap, booted by systemd-nspawn with a real systemd in it.

It shares this machine's network, so every port must be free here, too. Needs root, debootstrap and systemd-nspawn.
"""

import configparser
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
WITH = ("systemd", "systemd-sysv", "dbus", "ca-certificates", "adduser", "python3")
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
BOOT_S = 120.0
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter")


class MachineError(Exception):
    """A machine could not be made, booted, or did not do as it was told."""


def missing() -> list[str]:
    """What this machine lacks to have others booted in it."""
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return lacking if os.geteuid() == 0 else ["root", *lacking]


def fresh(folder: Path) -> Path:
    """Debian as it comes, in `folder`; made once, then kept for the next time. Raises `MachineError`."""
    done = folder.with_suffix(".made")
    if done.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(WITH)}", SUITE, str(folder), MIRROR]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise MachineError(f"debootstrap: {made.stdout[-2000:]}{made.stderr[-2000:]}")
    _reach_packages(folder)
    done.touch()
    return folder


def _reach_packages(root: Path) -> None:
    """Packages come to it as they come to this machine: the same settings of apt and pip, the same authorities."""
    for settings in Path("/etc/apt/apt.conf.d").iterdir():
        shutil.copy(settings, root / "etc/apt/apt.conf.d" / settings.name)
    shutil.copy(TRUST, root / TRUST.relative_to("/"))
    pip = configparser.RawConfigParser(interpolation=None)
    pip.read(["/etc/pip.conf", Path.home() / ".config/pip/pip.conf"])
    with (root / "etc/pip.conf").open("w") as settings_of_pip:
        pip.write(settings_of_pip)


class Machine:
    """A copy of `base` that is booted. Use as a context: at its end the machine is off, its folder stays."""

    def __init__(self, base: Path, folder: Path, *, log: Path) -> None:
        self.folder = folder
        self._log = log
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(folder)], check=True)
        (folder / "etc/hostname").write_text(folder.name + "\n")
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> "Machine":
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--resolv-conf=copy-host", "--boot"]
        command += [f"--machine={self.folder.name}", f"--directory={self.folder}"]
        Path("/run/systemd/nspawn/propagate").mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as sink:
            self._nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline:
            self._init = self._first_process()
            if self._init and self.run("systemctl", "is-system-running", check=False) in ("running", "degraded"):
                return self
            if self._nspawn.poll() is not None:
                break
            time.sleep(0.5)
        self.__exit__()
        raise MachineError(f"{self.folder.name} did not boot: {self._log.read_text(errors='replace')[-1500:]}")

    def __exit__(self, *_: object) -> None:
        if self._nspawn is None or self._nspawn.poll() is not None:
            return
        if self._init:
            self.run("systemctl", "poweroff", check=False)
        try:
            self._nspawn.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

    def run(self, *command: str, check: bool = True, folder: str = "/", timeout_s: float = 600) -> str:
        """What a command in the machine says, as root. Raises `MachineError` when it fails, unless not `check`ed."""
        enter = ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--pid", "--root"]
        environment = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        environment |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
        enter += ["env", "-i", f"--chdir={folder}", *(f"{name}={value}" for name, value in environment.items())]
        ended = subprocess.run([*enter, *command], capture_output=True, text=True, check=False, timeout=timeout_s)
        if check and ended.returncode != 0:
            said = f"{ended.stdout[-3000:]}{ended.stderr[-3000:]}"
            raise MachineError(f"{self.folder.name}: {' '.join(command)}: exit {ended.returncode}\n{said}")
        return ended.stdout.strip()

    def take(self, files: Sequence[Path], to: str) -> None:
        """Copy files into the machine, as a stick would bring them. (Its /root is not hidden, as /tmp is at boot.)"""
        folder = self.folder / to.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder / file.name)

    def journal(self, unit: str, *, lines: int = 40) -> str:
        return self.run("journalctl", "--no-pager", f"--lines={lines}", f"--unit={unit}", check=False)

    def _first_process(self) -> int:
        """Its pid 1, as this machine counts; 0 before there is one."""
        nspawn = self._nspawn
        if nspawn is None:
            return 0
        found = subprocess.run(["pgrep", "--parent", str(nspawn.pid)], capture_output=True, text=True, check=False)
        return int(found.stdout.split()[0]) if found.stdout.split() else 0
