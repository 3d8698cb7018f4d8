"""What `make` calls to install: the platform, its pages, and what the tests need. Standard library only: nothing is there yet.

`python -m deploy.setup install` · `… tests` · `… fuzz`. Shows what it does while it does it, since the first time takes a
minute.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
"""Debian keeps servers where a user's shell does not look."""
POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian's packages ask before they start a service: 101 means no."""
PROGRAMS = {
    # What the tests call, and the Debian package that has it.
    "ffmpeg": ("ffmpeg",),
    "nginx": ("nginx",),
    "gst-launch-1.0": (
        "gstreamer1.0-tools",
        "gstreamer1.0-plugins-base",
        "gstreamer1.0-plugins-good",
        "gstreamer1.0-plugins-bad",
        "gstreamer1.0-libav",
    ),
}


def main(argv: list[str]) -> int:
    match argv:
        case ["install"]:
            return pip("Plenum and its pages", "-e", str(ROOT))
        case ["tests"]:
            return pip("the test tools", *requirements("test")) or programs()
        case ["fuzz"]:
            return pip("the fuzzer", *requirements("fuzz"))
        case _:
            sys.stderr.write("usage: python -m deploy.setup install|tests|fuzz\n")
            return 2


def requirements(group: str) -> list[str]:
    """A dependency group; the pip of a fresh Python 3.11 does not know groups yet."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        wanted: list[str] = tomllib.load(file)["dependency-groups"][group]
    return wanted


def pip(what: str, *arguments: str) -> int:
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    return shown(f"Installing {what}", command)


def programs() -> int:
    """A browser and the foreign players, from Debian where we may, else the browser from Playwright."""
    wanted = [package for name, packages in PROGRAMS.items() if not has(name) for package in packages]
    has_browser = any(shutil.which(name) for name in BROWSERS)
    if not wanted and has_browser:
        return 0
    if may_apt():
        packages = [*wanted, *([] if has_browser else ["chromium"])]
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        apt = "apt-get"
        with no_service_starts():
            return shown("Reading Debian's package lists", [apt, "update", "-q"], environment) or shown(
                f"Installing {', '.join(packages)}",
                [apt, "install", "-q", "-y", "--no-install-recommends", *packages],
                environment,
            )
    if wanted:
        sys.stderr.write(f"The tests need {', '.join(wanted)}: please install them (apt install …).\n")
        return 1
    return shown("Installing a browser", [sys.executable, "-m", "playwright", "install", "chromium"])


def has(program: str) -> bool:
    return shutil.which(program, path=SYSTEM_PATH) is not None


@contextlib.contextmanager
def no_service_starts() -> Iterator[None]:
    """The tests start their own nginx: Debian's would take port 80 of this machine. A policy that is there already stays."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def may_apt() -> bool:
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def shown(title: str, command: list[str], environment: dict[str, str] | None = None) -> int:
    """Run, with the last line of output and the seconds on one terminal line; all of the output when it fails."""
    began = time.monotonic()
    lines: list[str] = []
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=ROOT,
        env=environment,
    )
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(title, began, lines, stop), daemon=True)
    ticker.start()
    assert process.stdout is not None  # noqa: S101 - we asked for a pipe
    lines.extend(line.rstrip() for line in process.stdout)  # the ticker reads along
    code = process.wait()
    stop.set()
    ticker.join()
    mark = "✓" if code == 0 else "✗"
    sys.stderr.write(f"\r\x1b[K  {mark} {title} ({time.monotonic() - began:.0f} s)\n")
    if code:
        sys.stderr.write("\n".join(lines[-60:]) + "\n")
    return code


def _tick(title: str, began: float, lines: list[str], stop: threading.Event) -> None:
    terminal = sys.stderr.isatty()
    width = shutil.get_terminal_size().columns
    while not stop.wait(0.5 if terminal else 10):
        last = lines[-1] if lines else ""
        text = f"  … {title} ({time.monotonic() - began:.0f} s) {last.strip()}"[: width - 1]
        sys.stderr.write(f"\r\x1b[K{text}" if terminal else f"{text}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
