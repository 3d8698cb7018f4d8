"""The repository's promises about itself."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("plenum", "ingest", "sfu", "qna", "player", "deploy", "loadtests")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def test_modules_that_say_rules_only_are_held_to_it() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = {
        name for contract in contracts if contract["name"].startswith("rules") for name in contract["source_modules"]
    }
    said = {
        str(path.relative_to(ROOT))[:-3].replace("/", ".")
        for package in ("plenum", "ingest", "sfu", "qna")
        for path in (ROOT / package).glob("*.py")
        if "Rules only" in docstring(path)
    }
    assert held == said


@pytest.mark.parametrize("package", PACKAGES)
def test_each_module_says_what_it_owns(package: str) -> None:
    modules = [path for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts]
    assert [path.name for path in modules if path.read_text().strip() and not docstring(path)] == []


def test_links_in_our_documents_lead_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in tracked()
        if document.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    assert "resolved" not in (ROOT / "player" / "package-lock.json").read_text()
    wrong = re.compile(r"(?<![\w.])/(?:work|root)/|registry\.npmjs|files\.pythonhosted")
    texts = [
        p for p in tracked() if p.suffix in {".py", ".ts", ".tsx", ".toml", ".md", ".json"} and p != Path(__file__)
    ]
    assert [path.name for path in texts if wrong.search(path.read_text())] == []


def test_no_binary_is_tracked_but_the_pictures_of_the_readme() -> None:
    binary = {".mp4", ".webm", ".mkv", ".so", ".whl", ".woff2", ".wasm", ".bin", ".gz", ".ico"}
    assert [path.name for path in tracked() if path.suffix in binary] == []
