"""The layers and the places where things happen, held against our own source.

A module imports only from lower layers, and reading, writing, deleting,
printing and exiting are each done in the modules named for them.
"""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ctxsize"
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS = [
    ("hidden", "values"),
    ("findings", "shipped"),
    ("codes",),
    ("model",),
    ("errors", "build", "version", "syntax"),
    ("reader", "units", "toml", "globs"),
    ("go",),
    ("knowledge",),
    ("dockerfile",),
    ("engine",),
    ("writer",),
    ("keys",),
    ("config", "repository"),
    ("planning",),
    ("recommender", "clean", "history"),
    ("guard",),
    ("lints",),
    ("advice",),
    ("scanning",),
    ("api",),
    ("formats",),
    ("page",),
    ("explore",),
    ("cli",),
    ("__main__", ""),
]
"""The rooms, lowest first: packages, and modules beside them. Each stands once."""

PLACES = {
    "reads directories": (
        {"scandir", "listdir", "iterdir", "glob", "rglob", "walk"},
        {
            "shipped",  # the package's own files
            "reader",
            "engine.filesystem",
            "config",
        },
    ),
    "reads files": (
        {"read_file", "read_stream"},
        {
            "reader",  # where git lists worktrees
            "guard.accepting",  # the lines that a suppression quotes
            "config",
            "guard.baseline",
            "guard.comparison",
            "scanning.fleet",
            "engine.dockerfiles",
            "engine.plan",
            "engine.filesystem",
            "engine.made_before",  # the scripts and targets that build an image
            "recommender.evidence",
            "repository.search",
            "advice",
            "advice.recipe",
            "writer.apply",
            "clean.dangers",
            "clean.descent",
            "clean.inventory",
            "cli",
        },
    ),
    "opens a path": (
        {"read_bytes", "read_text", "open"},
        {
            "reader",
            "engine.filesystem",
            "writer.apply",
            "history.earlier",  # into a directory of its own
            "history.plans",  # likewise
            "clean.delete",
            "clean.descent",
            "clean.inventory",
            "cli.output",
        },
    ),
    "writes files": ({"write_bytes", "write_text", "replace_file", "fsync"}, {"writer.apply"}),
    "deletes": ({"unlink", "rmdir", "rmtree", "removedirs"}, {"clean.delete", "writer.apply"}),
    "prints": ({"print", "echo", "secho"}, {"cli", "__main__"}),
    "exits": (
        {"exit", "_exit"},
        {
            "cli",
            "explore.app",  # its screen, and not the process
            "__main__",
        },
    ),
}
"""For each deed the calls that do it, and the modules or packages that may."""


def name_of(module: Path) -> str:
    parts = module.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(name: str) -> str:
    return name.split(".")[0]


def layer_of(room: str) -> int:
    for level, members in enumerate(LAYERS):
        if room in members:
            return level
    raise AssertionError(f"{room} stands in no layer: add it to LAYERS and to ARCHITECTURE.md")


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules of the package that are imported, at the top or inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ctxsize":
            base = (node.module or "").removeprefix("ctxsize").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                is_module = (PACKAGE / inner.replace(".", "/")).is_dir() or (
                    PACKAGE / f"{inner.replace('.', '/')}.py"
                ).exists()
                yield inner if is_module else base
        elif isinstance(node, ast.Import):
            for alias in node.names:
                # The package itself imports a public name when that is used.
                if alias.name.startswith("ctxsize."):
                    yield alias.name.removeprefix("ctxsize").removeprefix(".")


@functools.cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                yield function.id, node.lineno
            elif isinstance(function, ast.Attribute):
                yield function.attr, node.lineno


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_point_down(module: Path) -> None:
    room = room_of(name_of(module))
    for imported in imports(tree_of(module)):
        below = room_of(imported)
        if below != room:
            assert layer_of(below) < layer_of(room), f"{name_of(module)} imports {imported}"


def test_no_modules_import_each_other() -> None:
    """Circles inside a room count too, and so do imports inside functions."""
    graph = {name_of(module): {*imports(tree_of(module))} - {name_of(module)} for module in MODULES}
    TopologicalSorter(graph).prepare()  # raises `CycleError`, which names the circle


@pytest.mark.parametrize("deed", PLACES)
def test_deeds_happen_in_their_places(deed: str) -> None:
    functions, places = PLACES[deed]
    for module in MODULES:
        name = name_of(module)
        if any(name == place or name.startswith(f"{place}.") for place in places):
            continue
        for function, line in calls(tree_of(module)):
            assert function not in functions, f"ctxsize/{name}:{line} {deed}"


def test_small_modules_serve_several() -> None:
    """A command and a format have a module each; else a small one belongs to its only user."""
    users = Counter(
        imported
        for module in MODULES
        for imported in {*imports(tree_of(module))} - {name_of(module)}
    )
    small = {
        name_of(module)
        for module in MODULES
        if module.name != "__init__.py" and len(module.read_text().splitlines()) < 60
    }
    alone = {name for name in small if users[name] < 2}
    assert {
        name for name in alone if name.split(".")[0] not in ("cli", "formats", "page", "__main__")
    } == set()


def test_no_module_grows_out_of_sight() -> None:
    """A module that must be split is split by subject: nothing is packed to stay below this."""
    longest = {name_of(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: lines for name, lines in longest.items() if lines > 500} == {}


def test_no_two_modules_look_alike_in_a_traceback() -> None:
    """A command has the name that a person types; else a file's name tells it from its sisters."""
    names = Counter(
        module.name
        for module in MODULES
        if module.name != "__init__.py" and name_of(module).split(".")[0] != "cli"
    )
    assert {name for name, count in names.items() if count > 1} == set()


def test_programs_are_run_in_one_place() -> None:
    for module in MODULES:
        if name_of(module) != "engine.git":
            imported = {
                alias.name
                for node in ast.walk(tree_of(module))
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            assert "subprocess" not in imported, f"ctxsize/{name_of(module)} runs programs"


def test_dockerfiles_are_parsed_in_one_place() -> None:
    """A command asks a plan, which parses a file once."""
    callers = {
        name_of(module)
        for module in MODULES
        if any(function == "parse_dockerfile" for function, _ in calls(tree_of(module)))
    }
    assert callers == {"engine.plan"}


def test_a_name_of_a_type_exists_once() -> None:
    """Aliases of types count: one name has one meaning in the whole house."""
    places = defaultdict[str, list[str]](list)
    for module in MODULES:
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name_of(module))
        for statement in tree_of(module).body:
            for target in targets_of(statement):
                if re.fullmatch(r"_?[A-Z]\w*[a-z]\w*", target):
                    places[target].append(name_of(module))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def targets_of(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module assigns, also for type checkers alone."""
    if isinstance(statement, ast.If):
        for inner in (*statement.body, *statement.orelse):
            yield from targets_of(inner)
    elif isinstance(statement, ast.Assign):
        yield from (each.id for each in statement.targets if isinstance(each, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id
