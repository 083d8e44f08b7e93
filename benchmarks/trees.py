"""The trees of the benchmark: the same on every machine, and sparse, so that 20 GB cost no disk.

Nothing is random: names, counts and sizes follow from a directory's path, so
each worker derives its own half of the plan. A tree that is already there is
used again if the stamp beside it (never in it: it would be measured) says that
it was finished by this version of the generator at this scale.

    python benchmarks/trees.py --scale 0.1 service flat
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from pathlib import Path

ENVIRONMENT = "CTXSIZE_BENCH_DIR"
WORKERS = 2

_GB, _MB = 10**9, 10**6
_SKEW = (1, 2, 1, 5, 1, 3, 1, 1, 13, 2, 1, 8, 1, 2, 1, 34, 1, 1, 3, 1, 2, 21, 1)
"""Few large, many small; the length is prime, so that it does not beat with the tree's shape."""

Name = Callable[[str, int], str]
"""The name of the n-th file of a directory."""


@dataclass(frozen=True)
class Folder:
    """A directory of a plan, with the files that lie directly in it."""

    path: str
    files: int = 0
    content_bytes: int = 0
    name: Name = lambda path, index: f"{index:05}"
    links: tuple[tuple[str, str], ...] = ()
    """Symlinks and their targets."""


Layout = Callable[[float], Iterator[Folder]]
"""The directories of a tree at a scale, parents before their children."""


@dataclass(frozen=True)
class Tree:
    """A tree of the benchmark."""

    name: str
    title: str
    plan: Layout
    version: int = 1
    """Part of the stamp: raise it whenever the plan changes."""
    texts: tuple[tuple[str, str], ...] = ()
    """Paths of files with a content, and that content; they replace files of the plan."""
    left_out: tuple[str, ...] = ()
    """Files and directories of the plan that this tree does not have."""
    committed: bool = False
    """True if git tracks what it does not ignore."""


def shares(total: int, weights: Iterable[int]) -> list[int]:
    """`total` split by `weights`, exactly: the parts add up to it."""
    edges = [0, *accumulate(weights)]
    whole = edges[-1] or 1
    return [total * high // whole - total * low // whole for low, high in pairwise(edges)]


def _skew(count: int, start: int = 0) -> list[int]:
    return [_SKEW[(start + index) % len(_SKEW)] for index in range(count)]


def _mixed(path: str, index: int) -> int:
    """A number that looks random and is not."""
    return zlib.crc32(f"{path}/{index}".encode())


def _words(text: str) -> list[str]:
    return text.split()


# --- the Rust service of the story ---------------------------------------------------------------

_SOURCES = ("", "src", "src/api", "src/ingest", "src/store", "benches", "tests", "docs", ".cargo")
_TARGET = (
    # directory, files, bytes: 41,396 files and 20 GB together
    ("target/debug/deps", 13_000, 13 * _GB),
    ("target/debug/incremental", 21_000, 4_300 * _MB),
    ("target/release", 3_396, 1_800 * _MB),
    ("target/debug/build", 1_200, 500 * _MB),
    ("target/debug/.fingerprint", 2_780, 10 * _MB),
    ("target/debug", 20, 390 * _MB),
)
_CRATE_SUFFIXES = (".rlib", ".rmeta", ".d", ".rcgu.o", ".so")
_TARGET_SPREAD = {
    # how a directory of artefacts is cut into subdirectories: format, files in each
    "target/debug/incremental": ("rask_{0:03}-{1:08x}/s-{1:08x}", 140),
    "target/debug/build": ("crate-{0:03}-{1:08x}/out", 8),
    "target/debug/.fingerprint": ("crate-{0:03}-{1:08x}", 4),
    "target/release": ("deps/part-{0:03}", 1_200),
}


def _artefact(path: str, index: int) -> str:
    suffix = _CRATE_SUFFIXES[index % len(_CRATE_SUFFIXES)]
    return f"librask_{index % 397:03}-{_mixed(path, index):08x}{index:05x}{suffix}"


def _source(path: str, index: int) -> str:
    known = {
        "": ("Cargo.toml", "Cargo.lock", "Dockerfile", "README.md", ".gitignore", "build.rs"),
        "docs": ("design.md", "operations.md"),
        ".cargo": ("config.toml",),
    }.get(path, ())
    return known[index] if index < len(known) else f"part_{index:02}.rs"


def service(scale: float) -> Iterator[Folder]:
    """A Rust service after months of builds: 41,396 files and 20 GB in `target/`."""
    counts = {"": 6, "docs": 2, ".cargo": 1}
    for path in _SOURCES:
        files = counts.get(path, 9)
        yield Folder(path, files, 9_000 * files, _source)
    for path, files, size in _TARGET:
        yield from _artefacts(path, round(files * scale), round(size * scale))


def _artefacts(path: str, files: int, size: int) -> Iterator[Folder]:
    form, each = _TARGET_SPREAD.get(path, ("", files))
    if not form:
        yield Folder(path, files, size, _artefact)
        return
    count = max(1, files // each)
    parts = zip(shares(files, [1] * count), shares(size, _skew(count)), strict=True)
    for index, (part, part_bytes) in enumerate(parts):
        below = form.format(index, _mixed(path, index))
        yield Folder(f"{path}/{below}", part, part_bytes, _artefact)


# --- a JavaScript monorepo -----------------------------------------------------------------------

_JS_FILES, _JS_SOURCES = 300_000, 3_000
_JS_PACKAGES = 24
_JS_LAYOUT = ("", "dist", "dist/cjs", "dist/esm", "lib", "src", "test", "docs", "types")
_JS_SUFFIXES = (".js", ".d.ts", ".js.map", ".mjs", ".json", ".ts", ".cjs", ".md")


def _script(path: str, index: int) -> str:
    if path.count("/") and index == 0:
        return "package.json"
    stem = ("index", "util", "parse", "types", "core")[index % 5]
    return f"{stem}-{index}{_JS_SUFFIXES[_mixed(path, index) % 8]}"


def javascript(scale: float) -> Iterator[Folder]:
    """A monorepo of packages, each with dependencies nested in dependencies."""
    yield Folder("", 12, 400_000, _script)
    homes = ["", *(f"packages/app-{index:02}/" for index in range(_JS_PACKAGES))]
    sources = [
        f"{home}{below}" for home in homes[1:] for below in ("src", "src/components", "test")
    ]
    counts = shares(round(_JS_SOURCES * scale), _skew(len(sources)))
    for path, files in zip(sources, counts, strict=True):
        yield Folder(path, files, files * 4_000, _script)
    installed = [path for home in homes for path in _installed(home, scale)]
    counts = shares(round(_JS_FILES * scale), _skew(len(installed)))
    for path, files in zip(installed, counts, strict=True):
        yield Folder(path, files, files * 5_500, _script)
    for home in homes:
        links = tuple((f"tool-{n}", f"../dep-{n:03}/dist/cjs") for n in range(12))
        yield Folder(f"{home}node_modules/.bin", links=links)


def _installed(home: str, scale: float) -> Iterator[str]:
    """The directories of the dependencies of one package, up to three deep."""
    top = max(1, round((400 if not home else 60) * scale))
    for number in range(top):
        at = f"{home}node_modules/dep-{number:03}"
        yield from (f"{at}/{below}".rstrip("/") for below in _JS_LAYOUT)
        for inner in range(number % 4):
            deeper = f"{at}/node_modules/inner-{inner}"
            yield from (f"{deeper}/{below}".rstrip("/") for below in _JS_LAYOUT[:6])
            if number % 8 == 7:
                yield from (f"{deeper}/node_modules/leaf", f"{deeper}/node_modules/leaf/lib")


# --- a million files -----------------------------------------------------------------------------

_MILLION, _MILLION_FOLDERS = 1_000_000, 60_000
_MODULE = _words("""
. src src/api src/api/v1 src/api/v2 src/core src/core/model src/core/store src/core/__pycache__
src/handlers src/handlers/__pycache__ src/lib src/lib/parse src/lib/emit src/ui src/ui/components
src/ui/components/forms src/ui/components/tables src/ui/styles src/ui/assets src/ui/assets/icons
src/ui/assets/fonts tests tests/unit tests/unit/__pycache__ tests/integration tests/fixtures
tests/fixtures/big docs docs/img migrations deploy deploy/helm deploy/helm/templates config vendor
vendor/github.com vendor/github.com/acme vendor/github.com/acme/kit
vendor/github.com/acme/kit/internal data data/samples build build/classes build/classes/main
build/reports dist dist/assets logs scripts
""")
_SUFFIXES = _words("""
.py .py .py .ts .ts .go .rs .java .json .yaml .md .txt .css .html .svg .png .csv .sql .sh .log
.tmp .bak .map .pyc .class .o .lock .toml
""")
_STEMS = ("main", "model", "view", "store", "client", "server", "helper", "schema", "test", "keep")


def _any_file(path: str, index: int) -> str:
    mixed = _mixed(path, index)
    return f"{_STEMS[mixed % 10]}_{index:03}{_SUFFIXES[mixed // 10 % len(_SUFFIXES)]}"


def _modules() -> Iterator[tuple[str, int]]:
    """Directories without end, parents first, each with its weight."""
    area = 0
    while True:
        yield f"area{area:02}", 1
        for module in range(20):
            at = f"area{area:02}/module-{module:02}"
            for index, below in enumerate(_MODULE):
                weight = _SKEW[(index + area + module) % len(_SKEW)]
                yield (at if below == "." else f"{at}/{below}"), weight
        area += 1


def million(scale: float) -> Iterator[Folder]:
    """1,000,000 files of all kinds in 60,000 directories."""
    folders = list(islice(_modules(), max(50, round(_MILLION_FOLDERS * scale))))
    counts = shares(round(_MILLION * scale), [weight for _, weight in folders])
    for (path, _), files in zip(folders, counts, strict=True):
        yield Folder(path, files, files * 3_000, _any_file)


# --- one flat directory --------------------------------------------------------------------------


def _frame(path: str, index: int) -> str:
    kind = _mixed(path, index) % 100
    suffix = ".json" if kind < 20 else ".log" if kind < 22 else ".tmp" if kind < 23 else ".png"
    return f"frame-{index:06}{suffix}"


def flat(scale: float) -> Iterator[Folder]:
    """200,000 files in the context directory itself."""
    files = round(200_000 * scale)
    yield Folder("", files, files * 20_000, _frame)


TREES = {
    tree.name: tree
    for tree in (
        Tree("service", "the Rust service, 41,396 files in target/", service),
        Tree("javascript", "300,000 files in nested node_modules", javascript),
        Tree("million", "1,000,000 files, 60,000 directories", million, version=2),
        Tree("flat", "200,000 files in one directory", flat),
    )
}


def small(_scale: float) -> Iterator[Folder]:
    """A project of 20 files, with its Dockerfile."""
    yield Folder("", 7, 20_000, _any_file)
    yield Folder("src", 8, 40_000, _any_file)
    yield Folder("tests", 4, 10_000, _any_file)


SMALL = Tree(
    "small",
    "20 files",
    small,
    version=2,
    texts=(("Dockerfile", "FROM python\nCOPY . .\n"),),
)


# --- trees for `suggest` -------------------------------------------------------------------------

_MANIFEST = '{"name": "app", "version": "1.0.0", "dependencies": {"dep-000": "1"}}\n'
PROVED = Tree(
    "proved",
    "300,000 files in node_modules, which manifests prove",
    javascript,
    texts=(
        ("Dockerfile", "FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"),
        ("package.json", _MANIFEST),
        ("package-lock.json", '{"lockfileVersion": 3}\n'),
        (".gitignore", "node_modules\n"),
        *((f"packages/app-{index:02}/package.json", _MANIFEST) for index in range(_JS_PACKAGES)),
    ),
    committed=True,
)
RUST = Tree(
    "rust",
    "41,396 files in a target/ that a manifest proves",
    service,
    texts=(
        ("Dockerfile", "FROM rust:1\nWORKDIR /app\nCOPY . .\nRUN cargo build --release\n"),
        ("Cargo.toml", '[package]\nname = "service"\nversion = "1.0.0"\n'),
    ),
)
UNPROVED = Tree(
    "unproved",
    "41,396 files in a target/ that nothing proves",
    service,
    texts=(
        ("Dockerfile", "FROM debian\nWORKDIR /app\nCOPY . .\nRUN make\n"),
        (".gitignore", "/target/\n"),
    ),
    left_out=("Cargo.toml", "Cargo.lock", "build.rs", ".cargo"),
    committed=True,
)


# --- on disk -------------------------------------------------------------------------------------


def home(option: str | None = None) -> Path:
    """Where trees lie: the option, the environment, or the system's temporary directory."""
    named = option or os.environ.get(ENVIRONMENT)
    return Path(named) if named else Path(tempfile.gettempdir()) / "ctxsize-bench"


def ensure(tree: Tree, base: Path, scale: float = 1.0) -> Path:
    """The directory of `tree` at `scale`, generated if it is not there yet.

    Raises `SystemExit` if something lies there that this generator did not make.
    """
    name = tree.name if scale == 1 else f"{tree.name}-{scale:g}"
    path, stamp = base / name, base / f"{name}.stamp"
    finished = f"{tree.name} version {tree.version} scale {scale:g}\n"
    if path.is_dir() and stamp.is_file() and stamp.read_text() == finished:
        return path
    if path.exists() and not stamp.is_file():
        raise SystemExit(f"{path} was not made by this benchmark: remove it or use another --dir")
    base.mkdir(parents=True, exist_ok=True)
    stamp.write_text("unfinished\n")
    if path.exists():
        shutil.rmtree(path)
    _generate(tree, path, scale)
    stamp.write_text(finished)
    return path


def _generate(tree: Tree, path: Path, scale: float) -> None:
    path.mkdir()
    workers = [
        multiprocessing.Process(target=_fill_part, args=(tree.plan, str(path), scale, part))
        for part in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit(f"could not generate {path}")
    for name in tree.left_out:
        if (path / name).is_dir():
            shutil.rmtree(path / name)
        else:
            (path / name).unlink(missing_ok=True)
    for name, text in tree.texts:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    if tree.committed:
        for words in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -q -m all"):
            subprocess.run(["git", *words.split()], cwd=path, check=True)


def _fill_part(plan: Layout, root: str, scale: float, part: int) -> None:
    """Each worker makes runs of 64 directories, so that the two seldom share a parent."""
    for number, folder in enumerate(plan(scale)):
        if number // 64 % WORKERS == part:
            _fill(Path(root, folder.path), folder)


def _fill(path: Path, folder: Folder) -> None:
    path.mkdir(parents=True, exist_ok=True)
    sizes = shares(folder.content_bytes, _skew(folder.files, len(folder.path)))
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for index, size in enumerate(sizes):
            _sparse(folder.name(folder.path, index), size, directory)
        for name, target in folder.links:
            os.symlink(target, name, dir_fd=directory)
    finally:
        os.close(directory)


def _sparse(name: str, size: int, directory: int) -> None:
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=directory)
    if size:
        os.ftruncate(file, size)
    os.close(file)


def main() -> None:
    """Generate the named trees, all by default."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("trees", nargs="*", metavar="TREE", help=", ".join(TREES))
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a quick run")
    parser.add_argument("--dir", help=f"where (or ${ENVIRONMENT}; default: a temporary directory)")
    options = parser.parse_args()
    for name in options.trees or TREES:
        if name not in TREES:
            parser.error(f"no tree {name!r}: choose from {', '.join(TREES)}")
        began = time.perf_counter()
        path = ensure(TREES[name], home(options.dir), options.scale)
        print(f"{path}  ({TREES[name].title}, {time.perf_counter() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
