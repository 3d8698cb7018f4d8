"""One target in a process of its own under atheris. `python -m tests.fuzz` starts it and reads what libFuzzer says.

python -m tests.fuzz.child TARGET FOLDER SECONDS
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

INSTRUMENTED = ["plenum", "ingest", "sfu", "qna"]
INPUT_S = 10
"""An input that takes longer is not waited for."""
MEMORY_MB = 1024


def main(name: str, folder: Path, seconds: int) -> None:
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz.targets import load

        target = load(name)
    from tests.fuzz.allowance import run_once

    corpus = _seeded(folder / "corpus", target.seeds)
    options = {
        "max_total_time": seconds,
        "max_len": target.max_len,
        "timeout": INPUT_S,
        "rss_limit_mb": MEMORY_MB,
        "artifact_prefix": f"{folder / 'findings'}/",
        "print_final_stats": 1,
        "dict": _dictionary(folder / "dictionary", target.tokens),
    }
    atheris.Setup(
        [sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(corpus)],
        lambda data: run_once(target.run, data),
    )
    atheris.Fuzz()


def _seeded(corpus: Path, seeds: tuple[bytes, ...] | list[bytes]) -> Path:
    for seed in seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:40]).write_bytes(seed)
    return corpus


def _dictionary(path: Path, tokens: tuple[bytes, ...] | list[bytes]) -> Path:
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in token) + '"\n' for token in tokens if token]
    path.write_text("".join(lines), encoding="ascii")
    return path


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
