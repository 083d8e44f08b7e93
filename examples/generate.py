"""Makes the parts of the examples that do not belong in git.

    python examples/generate.py            all of them
    python examples/generate.py --clean    removes them again

`rust-service/target` follows `rust-service/target.txt`: 20 GB in 41,396 sparse
files, which take no disk.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent
ENDINGS = (".o", ".rlib", ".rmeta", ".d", ".so")


def grow(service: Path) -> int:
    """Makes what `target.txt` describes below `service`; returns the number of files."""
    made = 0
    for line in (service / "target.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        directory, count, size = line.split()
        made += fill(service / directory, files=int(count), size_bytes=int(size))
    return made


def fill(directory: Path, *, files: int, size_bytes: int) -> int:
    """Puts `files` sparse files of `size_bytes` together into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    each, rest = divmod(size_bytes, files)
    for number in range(files):
        path = directory / f"unit-{number:05d}{ENDINGS[number % len(ENDINGS)]}"
        with path.open("wb") as file:
            os.truncate(file.fileno(), each + (rest if number == 0 else 0))
    return files


def main() -> None:
    service = EXAMPLES / "rust-service"
    shutil.rmtree(service / "target", ignore_errors=True)
    if "--clean" not in sys.argv[1:]:
        print(f"examples/rust-service/target: {grow(service):,} files", file=sys.stderr)


if __name__ == "__main__":
    main()
