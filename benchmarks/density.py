"""How densely the package is written, beside packages that are read with ease.

python benchmarks/density.py                  ctxsize, and black, pip and pre-commit if installed
python benchmarks/density.py --modules        and each module of ctxsize, the densest first
python benchmarks/density.py PATH...          other packages

Sources are counted as `ruff format` writes them, in lines of 100 and without magic commas.
Docstrings, comments and blank lines count nothing.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import io
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ctxsize"
_PEERS = ("black", "pip", "pre_commit")
VAGUE_NAMES = frozenset(
    [
        *("at", "e", "each", "entry", "found", "given", "held", "it", "item", "kept", "made"),
        *("one", "own", "some", "value"),
    ]
)
_BOOLEANS = ("is", "has", "any", "all", "starts", "ends", "fullmatch", "match", "search")
_NO_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
        tokenize.INDENT,
        tokenize.NEWLINE,
        tokenize.NL,
    }
)


@dataclass
class Density:
    """What one or several modules hold."""

    lines: int = 0  # lines of code
    nodes: int = 0  # nodes of the syntax tree, without docstrings
    mass: int = 0  # nodes with docstrings
    conditional_expressions: int = 0  # and what stands for them
    parallel_assignments: int = 0
    assigned_names: int = 0
    vague_names: int = 0

    def __add__(self, other: Density) -> Density:
        names = [field.name for field in fields(Density)]
        return Density(*(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def nodes_a_line(self) -> float:
        """Return the number of nodes of a line of code."""
        return self.nodes / max(1, self.lines)

    @property
    def vague_share(self) -> float:
        """Return the share of the assigned names that say nothing, from 0 to 1."""
        return self.vague_names / max(1, self.assigned_names)

    def per_1000_lines(self, count: int) -> float:
        """Return how often something stands in 1,000 lines."""
        return 1000 * count / max(1, self.lines)


def density_of(source: str) -> Density:
    """Return what a formatted source holds."""
    tree = ast.parse(source)
    docstrings = list(_docstrings(tree))
    lines = _lines_of_code(source)
    for docstring in docstrings:
        lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    density = Density(lines=len(lines))
    conditions = _conditions(tree)
    for node in ast.walk(tree):
        density.mass += 1
        density.conditional_expressions += _chooses(node, conditions)
        density.parallel_assignments += _is_parallel(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            density.assigned_names += 1
            density.vague_names += node.id in VAGUE_NAMES
    density.nodes = density.mass - 2 * len(docstrings)
    return density


def _docstrings(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements that are nothing but a text, also those behind a constant."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
            continue
        if isinstance(node.value.value, str):
            yield node


def _lines_of_code(source: str) -> set[int]:
    lines = set[int]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines


def _conditions(tree: ast.AST) -> set[ast.expr]:
    """Return the expressions of which only the truth counts, where `and` and `or` belong."""
    conditions = set[ast.expr]()
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
            conditions.add(node.test)
        elif isinstance(node, ast.comprehension):
            conditions.update(node.ifs)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            conditions.add(node.operand)
    # What stands in a condition's own `and` and `or` is one as well.
    pending = [*conditions]
    while pending:
        condition = pending.pop()
        if isinstance(condition, ast.BoolOp):
            conditions.update(condition.values)
            pending += condition.values
    return conditions


def _chooses(node: ast.AST, conditions: set[ast.expr]) -> bool:
    """Return whether a node is a conditional expression, or something in its place.

    That is `a and b or c` where its value counts, a choice from two by `[…]`, and a `match` with
    two cases of one line.
    """
    if isinstance(node, ast.IfExp):
        return True
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        first = node.values[0]
        is_pair = isinstance(first, ast.BoolOp) and len(node.values) == 2
        return is_pair and node not in conditions and not _is_true_or_false(node)
    if isinstance(node, ast.Subscript):
        if isinstance(node.value, ast.Dict):
            return len(node.value.keys) == 2
        if isinstance(node.value, ast.Tuple | ast.List):
            return len(node.value.elts) == 2
    if isinstance(node, ast.Match):
        return len(node.cases) == 2 and all(len(case.body) == 1 for case in node.cases)
    return False


def _is_true_or_false(node: ast.expr) -> bool:
    """Return whether an expression is a boolean, as far as its form or its name shows."""
    if isinstance(node, ast.BoolOp):
        return all(map(_is_true_or_false, node.values))
    if isinstance(node, ast.Call):
        return _is_true_or_false(node.func)
    if isinstance(node, ast.Name):
        return node.id.lstrip("_").startswith(_BOOLEANS)
    if isinstance(node, ast.Attribute):
        return node.attr.lstrip("_").startswith(_BOOLEANS)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.Compare)


def _is_parallel(node: ast.AST) -> bool:
    """Return whether a statement assigns several values to several names."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    return any(isinstance(target, ast.Tuple) for target in node.targets)


def modules(package: Path) -> dict[str, Density]:
    """Return what each module of a package holds, by its path below the package."""
    densities = {}
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory, package.name)
        shutil.copytree(package, copy, ignore=_without_others)
        _format(copy)
        for path in sorted(copy.rglob("*.py")):
            densities[str(path.relative_to(copy))] = density_of(path.read_text("utf-8"))
    return densities


def _without_others(_: str, names: list[str]) -> list[str]:
    """Return what is not copied: what is no source, and what pip brings, which is not its own."""
    return [name for name in names if name == "_vendor" or ("." in name and name[-3:] != ".py")]


def _format(directory: Path) -> None:
    """Format the sources in a directory as all packages are compared."""
    ruff = Path(sysconfig.get_path("scripts")) / "ruff"
    command = [str(ruff), "format", "--quiet", "--isolated", "--no-cache", "--line-length", "100"]
    command += ["--config", "format.skip-magic-trailing-comma = true", str(directory)]
    subprocess.run(command, check=True)


def main() -> None:
    """Print a row for each package."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--modules", action="store_true")
    options = parser.parse_args()
    packages = options.packages or [PACKAGE, *_installed()]
    print(f"{'':32}{'lines':>8}{'nodes':>9}{'a line':>8}{'if else':>9}{'a, b =':>8}{'vague':>8}")
    for package in packages:
        rows = modules(package)
        _print(package.name, sum(rows.values(), Density()))
        if options.modules and package == packages[0]:
            for name, density in sorted(rows.items(), key=lambda row: -row[1].nodes_a_line):
                _print(f"  {name}", density)


def _installed() -> Iterator[Path]:
    for name in _PEERS:
        specification = importlib.util.find_spec(name)
        if specification is None or specification.origin is None:
            print(f"{name} is not installed", file=sys.stderr)
        else:
            yield Path(specification.origin).parent


def _print(name: str, density: Density) -> None:
    choices = density.per_1000_lines(density.conditional_expressions)
    pairs = density.per_1000_lines(density.parallel_assignments)
    print(
        f"{name:32}{density.lines:>8,}{density.mass:>9,}{density.nodes_a_line:>8.1f}"
        f"{choices:>9.1f}{pairs:>8.1f}{density.vague_share:>8.1%}"
    )


if __name__ == "__main__":
    main()
