"""Random trees with planted artefacts: what is deleted is exactly what an oracle here says.

The oracle is written from the documentation, in terms of paths and contents,
and shares no code with ctxsize.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.clean.delete import delete
from tests.clean.cleaning import paths, planned
from tests.clean.planting import CARGO_TAG, PLANTS, PYC, RUSTC_INFO, SIGNATURE
from tests.clean.snapshots import snapshot, without
from tests.oracles.processes import clean_environment
from tests.trees import build_tree

KINDS = (
    *("cargo-target", "node-modules", "venv", "compiled-python", "mypy", "cmake", "maven"),
    *("terraform", "dotnet-obj"),
)
CHOSEN = [plant for plant in PLANTS if plant.kind in KINDS]
BASES = ["", "a", "a/b", "c", "a/target"]
NAMES = [
    *(".git", "notes.txt", "Cargo.toml", "package.json", "requirements.txt", "a.py", "pom.xml"),
    *("CACHEDIR.TAG", ".rustc_info.json", "CMakeLists.txt", "terraform.tfstate", "x.pyc", ".hg"),
    *("target", "node_modules", "__pycache__", "src", os.fsdecode(b"\xff")),
]
CONTENTS = [b"", b"work", CARGO_TAG, SIGNATURE, RUSTC_INFO, PYC, b"home = /usr\n"]
VCS = {".git", ".hg", ".svn", ".jj", ".bzr", "_darcs", ".pijul", "CVS"}
RECENT_S = 600

Change = tuple[str, int, int, int]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["drop", "add", "mkdir", "link", "hard", "touch", "track", "swap"]),
        st.integers(0, 99),
        st.integers(0, 99),
        st.integers(0, 99),
    ),
    max_size=6,
)
PLANTED = st.lists(st.tuples(st.sampled_from(CHOSEN), st.sampled_from(BASES)), max_size=6)


@pytest.mark.fuzz
@given(PLANTED, CHANGES)
def test_what_is_deleted_is_what_the_oracle_says(
    planted: list[tuple[object, str]], changes: list[Change]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(os.path.realpath(name)) / "r"
        root.mkdir()
        for plant, base in planted:
            plant_into(root, plant.nodes(base))  # type: ignore[attr-defined]
        tracked = {path for change in changes for path in changed(root, *change)}
        expected = Oracle(root, tracked).deletable()
        plan = planned(root)
        assert set(paths(plan)) == expected
        before = snapshot(root)
        results = list(delete(plan))
        assert all(each.done for each in results), results
        assert snapshot(root) == without(before, expected)


def plant_into(root: Path, nodes: list[object]) -> None:
    """Build what does not collide with what is there."""
    with tempfile.TemporaryDirectory(dir=root.parent) as name:
        built = build_tree(Path(name) / "t", nodes)  # type: ignore[arg-type]
        for path in sorted(built.rglob("*")):
            goal = root / path.relative_to(built)
            if path.is_dir() and not goal.exists():
                goal.mkdir()
            elif not path.is_dir() and not os.path.lexists(goal):
                path.rename(goal)
    _age(root)


def _age(root: Path) -> None:
    for above, directories, files in os.walk(root):
        for each in (*directories, *files):
            os.utime(Path(above) / each, (10**9, 10**9), follow_symlinks=False)


def changed(root: Path, how: str, first: int, second: int, third: int) -> list[str]:
    """Change one thing; the paths that git tracks afterwards."""
    every = sorted(path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts)
    files = [path for path in every if path.is_file() and not path.is_symlink()]
    directories = [root, *(path for path in every if path.is_dir() and not path.is_symlink())]
    at = directories[first % len(directories)]
    goal = at / NAMES[second % len(NAMES)]
    if how == "track" and files:
        return _track(root, files[first % len(files)])
    if how == "touch" and files:
        os.utime(files[first % len(files)])
        return []
    ways: dict[str, Callable[[], object]] = {
        "drop": lambda: files and files[first % len(files)].unlink(),
        "add": lambda: goal.write_bytes(CONTENTS[third % len(CONTENTS)]),
        "mkdir": goal.mkdir,
        "link": lambda: goal.symlink_to(directories[third % len(directories)]),
        "hard": lambda: files and os.link(files[third % len(files)], goal),
        "swap": lambda: directories[third % len(directories)].rename(goal),
    }
    # What cannot be done is not done: a name is taken, a directory would go into itself.
    if not os.path.lexists(goal) or how == "drop":
        try:
            ways.get(how, lambda: None)()
        except OSError:
            return []
    _old(root)
    return []


def _old(root: Path) -> None:
    """Everything that was not touched on purpose is old."""
    limit = time.time() - 2 * RECENT_S
    touched = {p for p in root.rglob("*") if p.is_file() and p.lstat().st_mtime > limit}
    kept = {path: path.lstat().st_mtime for path in touched if path.lstat().st_size % 7 == 0}
    _age(root)
    for path, when in kept.items():
        os.utime(path, (when, when), follow_symlinks=False)


def _track(root: Path, path: Path) -> list[str]:
    environment = clean_environment(GIT_CONFIG_GLOBAL=os.devnull, HOME=str(root))
    if not (root / ".git").exists():
        subprocess.run(["git", "init", "-q"], cwd=root, env=environment, check=True)
    command = ["git", "add", "-f", "--", str(path.relative_to(root))]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
    return [str(path.relative_to(root))] if done.returncode == 0 else []


class Oracle:
    """What may be deleted, by the documentation alone."""

    def __init__(self, root: Path, tracked: set[str]) -> None:
        self.root = root
        self.index = self._listed() if (root / ".git").is_dir() else tracked
        """By git itself, as a later step may have renamed what an earlier one tracked."""

    def _listed(self) -> set[str]:
        environment = clean_environment(GIT_CONFIG_GLOBAL=os.devnull, HOME=str(self.root))
        done = subprocess.run(
            ["git", "ls-files", "-z"],
            cwd=self.root,
            env=environment,
            capture_output=True,
            check=False,
        )
        return set(map(os.fsdecode, done.stdout.split(b"\0")))

    def deletable(self) -> set[str]:
        found: set[str] = set()
        self._visit(self.root, found)
        return found

    def _visit(self, directory: Path, found: set[str]) -> None:
        for path in sorted(directory.iterdir()):
            if path.is_symlink() or not path.is_dir() or path.name in VCS:
                continue
            kind = next((name for name, proof in PROOFS.items() if proof(self.root, path)), None)
            if kind is not None:
                if self._safe(path):
                    found.add(str(path.relative_to(self.root)))
            elif not looks_installed(path):
                self._visit(path, found)

    def _safe(self, path: Path) -> bool:
        relative = str(path.relative_to(self.root)).lower()
        if any(
            each.lower() == relative or each.lower().startswith(f"{relative}/")
            for each in self.index
        ):
            return False
        if self._unanswered(path):
            return False
        for above, directories, files in os.walk(path):
            if VCS & {*directories, *files}:
                return False
            for each in ("", *directories, *files):
                if (Path(above) / each).lstat().st_mtime > time.time() - RECENT_S:
                    return False
        return True

    def _unanswered(self, path: Path) -> bool:
        """Whether there is a repository above that does not tell what it tracks."""
        for above in path.parents:
            if any(os.path.lexists(above / name) for name in VCS - {".git"}):
                return True
            if os.path.lexists(above / ".git") and (
                (above / ".git").is_symlink() or not (above / ".git/HEAD").is_file()
            ):
                return True
            if above == self.root:
                return False
        return False


def starts(path: Path, *needed: bytes) -> bool:
    """Whether `path` is a regular file whose beginning holds all of these."""
    if path.is_symlink() or not path.is_file():
        return False
    start = path.read_bytes()[:4096]
    return all(each in start for each in needed)


def beside(path: Path, *names: str) -> bool:
    return any(
        fnmatch(each.name, name) and (each.is_symlink() or not each.is_dir())
        for each in path.parent.iterdir()
        for name in names
    )


def above(root: Path, path: Path, name: str) -> bool:
    return any(
        beside(each, name)
        for each in (path, *path.parents)
        if each != root and root in each.parents
    )


def real_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def cargo(root: Path, path: Path) -> bool:
    tag = starts(path / "CACHEDIR.TAG", SIGNATURE.strip(), b"created by cargo")
    info = starts(path / ".rustc_info.json", b'"rustc_fingerprint"')
    named = path.name == "target" and (tag or info)
    built = real_directory(path / "debug") or real_directory(path / "release")
    inside = named or (tag and info and built)
    return inside and above(root, path, "Cargo.toml") and not os.path.lexists(path / "Cargo.toml")


def node(root: Path, path: Path) -> bool:
    state = starts(path / ".package-lock.json", b'"lockfileVersion"') or any(
        starts(path / name) for name in (".modules.yaml", ".yarn-integrity", ".yarn-state.yml")
    )
    return path.name == "node_modules" and state and beside(path, "package.json")


LOCKED = (
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock*.toml"),
    *("requirements*.txt", "requirements*.lock"),
)
VENV = {
    *("pyvenv.cfg", "bin", "include", "lib", "lib64", "share", "etc", "man", "local", "Scripts"),
    *("Include", "Lib", ".gitignore", ".lock", "CACHEDIR.TAG", ".Python"),
}


def environment(path: Path) -> bool:
    scripts = real_directory(path / "bin") or real_directory(path / "Scripts")
    return starts(path / "pyvenv.cfg", b"home") and scripts


def venv(root: Path, path: Path) -> bool:
    own = {each.name for each in path.iterdir()} <= VENV
    return environment(path) and own and beside(path, *LOCKED)


def compiled(root: Path, path: Path) -> bool:
    sources = {
        each.name
        for each in path.parent.iterdir()
        if each.is_file() and not each.is_symlink() and each.suffix in (".py", ".pyw")
    }
    files = list(path.iterdir())
    return (
        path.name == "__pycache__"
        and bool(files)
        and beside(path, "*.py", "*.pyw")
        and all(
            each.suffix == ".pyc"
            and starts(each)
            and each.read_bytes()[2:4] == b"\r\n"
            and any(
                ".".join(each.name.split(".")[:count]) + ending in sources
                for count in range(1, each.name.count(".") + 1)
                for ending in (".py", ".pyw")
            )
            for each in files
        )
    )


def mypy(root: Path, path: Path) -> bool:
    return path.name == ".mypy_cache" and starts(path / "CACHEDIR.TAG", SIGNATURE.strip())


def cmake(root: Path, path: Path) -> bool:
    return (
        starts(path / "CMakeCache.txt", b"This is the CMakeCache file")
        and real_directory(path / "CMakeFiles")
        and starts(path / "cmake_install.cmake")
        and above(root, path, "CMakeLists.txt")
        and not os.path.lexists(path / "CMakeLists.txt")
    )


def maven(root: Path, path: Path) -> bool:
    made = real_directory(path / "maven-status") or real_directory(path / "maven-archiver")
    return path.name == "target" and made and beside(path, "pom.xml")


def terraform(root: Path, path: Path) -> bool:
    return (
        path.name == ".terraform"
        and real_directory(path / "providers")
        and {each.name for each in path.iterdir()} <= {"providers", "modules", "plugins"}
        and beside(path, ".terraform.lock.hcl")
        and beside(path, "*.tf", "*.tf.json")
    )


def dotnet(root: Path, path: Path) -> bool:
    return (
        path.name == "obj"
        and starts(path / "project.assets.json", b'"version"', b'"targets"')
        and beside(path, "*.csproj", "*.fsproj", "*.vbproj")
    )


PROOFS: dict[str, Callable[[Path, Path], bool]] = {
    "cargo": cargo,
    "node": node,
    "venv": venv,
    "compiled": compiled,
    "mypy": mypy,
    "maven": maven,
    "dotnet": dotnet,
    "cmake": cmake,
    "terraform": terraform,
}


def looks_installed(path: Path) -> bool:
    """Whether it is not entered though it is not proven: packages may need what is in them."""
    state = starts(path / ".package-lock.json", b'"lockfileVersion"') or any(
        starts(path / name) for name in (".modules.yaml", ".yarn-integrity", ".yarn-state.yml")
    )
    packages = path.name == "node_modules" and (state or beside(path, "package.json"))
    return packages or environment(path)
