"""Makes the parts of the examples that do not belong in git.

    python examples/generate.py            all of them
    python examples/generate.py --clean    removes them again

`rust-service/target` follows `rust-service/target.txt`: 20 GB in 41,396 sparse
files, which take no disk, with the two files by which Cargo marks it as its own.
`node-workspace` gets what `npm install` and a server would leave there.
All are as old as they would be.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent
WRITTEN_NS = 1_760_000_000_000_000_000
MARKS = {
    "CACHEDIR.TAG": b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This file is a cache directory tag created by cargo.\n"
    b"# For information about cache directory tags see https://bford.info/cachedir/\n",
    ".rustc_info.json": b'{"rustc_fingerprint":9424944722555581368,"outputs":{},"successes":{}}',
}
INSTALLED = {
    "node_modules/react/index.js": b'exports.version = "19.0.0";\n' * 30,
    "packages/web/node_modules/left-pad/index.js": b"module.exports = (text, width) => "
    b"String(text).padStart(width);\n" * 40,
    "packages/web/access.log": b"GET / 200\n",
}
ENDINGS = (".o", ".rlib", ".rmeta", ".d", ".so")


def grow(service: Path) -> int:
    """Makes what `target.txt` describes below `service`; returns the number of files."""
    made = 0
    for line in (service / "target.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        directory, count, size = line.split()
        if directory == "target":
            made += mark(service / directory, size_bytes=int(size))
        else:
            made += fill(service / directory, files=int(count), size_bytes=int(size))
    age(service / "target")
    return made


def mark(target: Path, *, size_bytes: int) -> int:
    """Puts the two files that Cargo writes into `target`, `size_bytes` together."""
    target.mkdir(parents=True, exist_ok=True)
    for name, content in MARKS.items():
        (target / name).write_bytes(content)
        size_bytes -= len(content)
    with (target / ".rustc_info.json").open("ab") as file:
        file.write(b" " * size_bytes)
    return len(MARKS)


def age(tree: Path) -> None:
    """Makes everything in `tree` old."""
    for directory, _, files in os.walk(tree, topdown=False):
        for name in (*files, ""):
            os.utime(Path(directory) / name, ns=(WRITTEN_NS, WRITTEN_NS))


def fill(directory: Path, *, files: int, size_bytes: int) -> int:
    """Puts `files` sparse files of `size_bytes` together into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    each, rest = divmod(size_bytes, files)
    for number in range(files):
        path = directory / f"unit-{number:05d}{ENDINGS[number % len(ENDINGS)]}"
        with path.open("wb") as file:
            os.truncate(file.fileno(), each + (rest if number == 0 else 0))
    return files


def install(workspace: Path) -> None:
    """Puts packages and a log into `workspace`."""
    for name, content in INSTALLED.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_bytes(content)
    for top in ("node_modules", "packages/web/node_modules"):
        age(workspace / top)


def remove(workspace: Path) -> None:
    """Removes what `install` made."""
    for top in ("node_modules", "packages/web/node_modules"):
        shutil.rmtree(workspace / top, ignore_errors=True)
    (workspace / "packages/web/access.log").unlink(missing_ok=True)


def main() -> None:
    service, workspace = EXAMPLES / "rust-service", EXAMPLES / "node-workspace"
    shutil.rmtree(service / "target", ignore_errors=True)
    remove(workspace)
    if "--clean" not in sys.argv[1:]:
        install(workspace)
        print(f"examples/rust-service/target: {grow(service):,} files", file=sys.stderr)


if __name__ == "__main__":
    main()
