"""Names that turn up at many places of a tree, and what shows that such a place is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ctxsize.lints.tree import LintTree

_MADE_UP = frozenset({"fixtures", "__fixtures__", "testdata", "test-data", "templates", "template"})
"""Directories whose projects are data of tests and generators, and are not built in place."""


@dataclass(frozen=True)
class Artefact:
    """What a tool or an editor makes wherever it is used."""

    pattern: str
    """As people write it at the top."""
    beside: tuple[str, ...] = ()
    """Names of files that show that it is made in their directory."""
    doubtful: bool = False
    """Whether directories of that name may just as well be sources."""

    def places(self, tree: LintTree) -> list[str]:
        """Return the directories below the top that are sent and where it would be made."""
        found = dict.fromkeys(
            path.rpartition("/")[0]
            for name in self._names_beside(tree)
            for path in tree.by_name[name]
            if "/" in path and path in tree.now
        )
        return [path for path in found if not _MADE_UP.intersection(path.split("/"))]

    @property
    def example(self) -> str:
        """Return where such a copy would lie, seen from its place."""
        return "__pycache__/a.cpython-312.pyc" if self.pattern.startswith("*.py") else self.pattern

    def proves(self, tree: LintTree, path: str) -> bool:
        """Return whether the entry at `path` is such an artefact, by what lies beside it."""
        if not self.doubtful:
            return True
        directory = path.rpartition("/")[0]
        prefix = f"{directory}/" if directory else ""
        held = tree.snapshot.folder(directory)
        names = [each.name for each in held.files] if held is not None else []
        return any(
            prefix + name in tree.everything
            for name in names
            if any(fnmatchcase(name, beside) for beside in self.beside)
        )

    def _names_beside(self, tree: LintTree) -> Iterator[str]:
        for name in tree.by_name:
            if any(fnmatchcase(name, beside) for beside in self.beside):
                yield name


_PYTHON = ("*.py",)
_PYPROJECT = ("pyproject.toml", "setup.py", "tox.ini")
_PACKAGE = ("package.json",)
_DOTNET = ("*.csproj", "*.fsproj", "*.vbproj")
_GRADLE = ("build.gradle", "build.gradle.kts")

ARTEFACTS: dict[str, Artefact] = {
    each.pattern: each
    for each in (
        Artefact("node_modules", _PACKAGE),
        Artefact("__pycache__", _PYTHON),
        *(Artefact(name, _PYTHON) for name in ("*.pyc", "*.pyo", "*.pyd", "*.py[cod]")),
        *(Artefact(name, _PYTHON) for name in ("*.py[co]", "*$py.class")),
        *(
            Artefact(name)
            for name in (
                *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox", ".hypothesis"),
                *(".venv", ".ipynb_checkpoints", "*.egg-info", "htmlcov", ".coverage"),
                *(".DS_Store", "Thumbs.db", "desktop.ini", "*.swp", "*.swo", "*~"),
                *(".idea", ".vscode", ".vs", "*.iml", ".history"),
                *(".next", ".nuxt", ".svelte-kit", ".turbo", ".parcel-cache", ".angular"),
                *("npm-debug.log", "npm-debug.log*", "yarn-error.log", "yarn-error.log*"),
                *("yarn-debug.log", "yarn-debug.log*", "*.tsbuildinfo", ".nyc_output"),
                *(".terraform", "*.tfstate", ".gradle", ".dart_tool", ".stack-work"),
                *(".elixir_ls", "erl_crash.dump", ".bundle", ".sass-cache", ".serverless"),
                *(".env", ".env.local", ".env.*.local", ".git", ".svn", ".hg"),
            )
        ),
        Artefact("*.log"),
        Artefact("venv", ("pyproject.toml", "requirements*.txt", "setup.py"), doubtful=True),
        Artefact("bin", _DOTNET, doubtful=True),
        Artefact("obj", _DOTNET, doubtful=True),
        Artefact("target", ("Cargo.toml", "pom.xml", "build.sbt"), doubtful=True),
        Artefact("build", (*_GRADLE, *_PACKAGE, *_PYPROJECT), doubtful=True),
        Artefact("dist", (*_PACKAGE, *_PYPROJECT), doubtful=True),
        Artefact("coverage", _PACKAGE, doubtful=True),
        Artefact("_build", ("mix.exs", "rebar.config"), doubtful=True),
        Artefact("deps", ("mix.exs",), doubtful=True),
        Artefact("vendor", ("composer.json",), doubtful=True),
        Artefact(".build", ("Package.swift",), doubtful=True),
    )
}
"""By the pattern as it stands in an ignore file."""

_UNIQUE = frozenset(
    {"node_modules", "__pycache__", "*.pyc", "*.py[cod]", "*.py[co]", "_build", "deps"}
)
"""Those whose mere place is worth a word: a place is enough for a copy to come."""


def worth_a_word(artefact: Artefact) -> bool:
    """Return whether a place for it is worth a finding while no copy is there yet."""
    return artefact.pattern in _UNIQUE


def is_known(text: str) -> bool:
    """Return whether the last part of a pattern is the name of something that comes and goes."""
    name = text.rstrip("/*").rpartition("/")[2] or text.rpartition("/")[2]
    return name in ARTEFACTS or text.rpartition("/")[2] in ARTEFACTS
