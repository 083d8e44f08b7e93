"""The ignore files of the benchmark: none, typical, hard and an allow-list.

Each lies in a directory of its own outside the trees, as the
Dockerfile-specific ignore file of a Dockerfile that copies everything: so a
tree is never changed and every tool is told `--file` to switch.
"""

from __future__ import annotations

from itertools import chain, islice, zip_longest
from pathlib import Path


def _words(text: str) -> list[str]:
    return text.split()


DOCKERFILE = "FROM scratch\nCOPY . .\n"

TYPICAL = """
.git
.github
.gitignore
.idea
.vscode
**/.DS_Store
**/node_modules
**/__pycache__
**/*.pyc
**/target
**/dist
**/build
**/coverage
**/*.log
**/.env
docs
**/*.md
!README.md
Dockerfile*
compose*.yaml
"""

ALLOW_LIST = """
*
!src
!tests/*.rs
!Cargo.toml
!Cargo.lock
!package.json
!packages/*/src
!area0*/*/src
!area1[0-4]/*/config/*.yaml
!frame-*.json
**/*.tmp
"""

_EXTENSIONS = _words("""
log tmp bak map pyc class lock orig rej swp o part dump prof gcda gcno pid seed iml suo user out exe
dll obj pdb idb ilk tlog aux toc bbl blg fls coverage lcov sqlite-journal retry d rmeta
""")
_DIRECTORIES = _words("""
__pycache__ coverage .git .venv .tox .nox .mypy_cache .ruff_cache .pytest_cache htmlcov dist/assets
build/classes fixtures/big reports logs incremental .fingerprint .gradle .terraform .next .nuxt
.turbo .parcel-cache .svelte-kit bower_components .nyc_output .serverless .dart_tool .stack-work
samples
""")
_DEEP = _words("""
src/**/__pycache__/** vendor/**/internal/*_0[0-4]?.* node_modules/**/node_modules/**/*.md
**/node_modules/**/test **/node_modules/**/docs **/node_modules/**/dist packages/**/types/*.d.ts
module-*/**/handlers/test_* target/**/s-[0-7]*/*.rmeta **/lib/**/*-[5-9].js src/**/*_[0-2]??.sql
**/*.py[co] **/[Tt]emp **/deps/part-00[1-9] **/.[a-z]*_cache
""")
_STEMS = _words("main model view store client server helper schema test keep")
_EXCEPTIONS = _words("""
**/keep_*.py src/**/keep_*.* **/dist/assets/main_0[0-3]?.css */*/docs/**/*.md docs/design.md
**/node_modules/dep-00[0-3]/package.json packages/app-0?/**/index-*.ts Cargo.* frame-0000??.*
**/logs/store_*.log
""")


def hard() -> list[str]:
    """200 patterns: `**` globs, classes, and every tenth an exception."""
    families = (
        [f"**/*.{extension}" for extension in _EXTENSIONS],
        [f"**/{directory}" for directory in _DIRECTORIES],
        _DEEP,
        [f"**/{stem}_[0-9]7?.t*" for stem in _STEMS],
        [f"area{n}[0-{n + 2}]/module-[01]{n}/**/{stem}_*" for n, stem in enumerate(_STEMS[:7])],
        [f"area[0-{n}]?/module-1{n}/*/{stem}*[^0-9a-z_.]*" for n, stem in enumerate(_STEMS)],
        [f"frame-*{number:02}.[lt]?*" for number in range(0, 60, 3)],
        [f"target/debug/deps/lib*_{number:03}-*.[dr]*" for number in range(0, 397, 16)],
        [f"packages/app-{number:02}/**/parse-*.m[a-z]*" for number in range(24)],
    )
    woven = (line for line in chain.from_iterable(zip_longest(*families)) if line)
    exceptions = [f"!{line}" for line in _EXCEPTIONS] + [
        f"!area*/module-{number:02}/**/{stem}_00?.*" for number, stem in enumerate(_STEMS)
    ]
    lines: list[str] = []
    for exception in exceptions:
        lines += [*islice(woven, 9), exception]
    return lines


def ignore_files() -> dict[str, list[str] | None]:
    """The lines of each ignore file by name; None where there is no file at all."""
    return {
        "none": None,
        "typical": TYPICAL.split(),
        "hard": hard(),
        "allow": ALLOW_LIST.split(),
    }


def write(base: Path) -> dict[str, Path]:
    """The Dockerfile to build with for each ignore file, all written below `base`."""
    written = {}
    for name, lines in ignore_files().items():
        directory = base / "ignore" / name
        directory.mkdir(parents=True, exist_ok=True)
        dockerfile = directory / "Dockerfile"
        dockerfile.write_text(DOCKERFILE)
        if lines is not None:
            text = "".join(f"{line}\n" for line in lines)
            dockerfile.with_name("Dockerfile.dockerignore").write_text(text)
        written[name] = dockerfile
    return written
