"""Holds what `ctxsize lint` says about real ignore files against Docker's own code, path by path.

    CTXSIZE_CORPUS=/path python benchmarks/lint_claims.py [--spoilt] [ID…]

The corpus holds `ignorefiles/ID.dockerignore`, `trees/ID.tsv.gz` (path, bytes,
mode) and `instructions.json`, and is no part of the project. Each tree is made
of sparse files, with artefacts planted that no repository tracks. Checked are
(`tests/oracles/claims.py`):

* all paths that are sent with each ignore file, and their bytes;
* for each finding with figures, that just those paths are counted of which it is
  true, and the figures in its sentence;
* for each fix, certain or not, that just those paths change that it says, either way;
* for `--fix` and `--unsafe-fixes` as a whole, that the fixes together change what
  each of them says, and that a second run changes nothing.

docker-devtools is asked, and Docker's Go library fsutil where it is installed. With
`--spoilt` the lines are shuffled, and some are doubled, commented at their end, joined,
or followed by exceptions: mistakes that real files seldom hold.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from ctxsize import api
from ctxsize.build import Build
from ctxsize.config import Config
from ctxsize.engine.builders import BUILDKIT
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Finding, Severity
from ctxsize.lints import lint_case
from ctxsize.lints.targets import Cases
from tests.oracles.asked import Asked
from tests.oracles.claims import composed, differences
from tests.oracles.devtools import DevtoolsError
from tests.oracles.golibrary import GoLibrary, go_library, missing_library

_LARGEST = 4_194_304
_EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
PLANTED = {
    "package.json": ("node_modules/left-pad/index.js", "yarn-error.log"),
    "pyproject.toml": (".venv/pyvenv.cfg", ".mypy_cache/CACHEDIR.TAG"),
    "Cargo.toml": ("target/debug/build/gen.rs", "target/CACHEDIR.TAG"),
    "pom.xml": ("target/classes/A.class",),
    "mix.exs": ("_build/dev/lib/a.beam", "deps/plug/mix.exs"),
    "composer.json": ("vendor/autoload.php",),
}
"""What is made beside a file of that name, wherever it lies."""
AT_TOP = (".env", ".DS_Store", ".idea/workspace.xml")


def planted(paths: list[str]) -> Iterator[str]:
    """The artefacts that would be there after some work in the tree."""
    yield from AT_TOP
    for path in paths:
        directory, _, name = path.rpartition("/")
        prefix = f"{directory}/" if directory else ""
        for each in PLANTED.get(name, ()):
            yield prefix + each
        if name.endswith(".py"):
            yield f"{prefix}__pycache__/{name[:-3]}.cpython-312.pyc"
        if name.endswith((".csproj", ".fsproj")):
            yield from (f"{prefix}obj/project.assets.json", f"{prefix}bin/Debug/a.dll")
        if directory and path.count("/") == 1:
            yield f"{prefix}.DS_Store"


def dockerfile(instructions: list[dict[str, object]]) -> str:
    """A Dockerfile that says what is known of the real one."""
    lines = []
    for each in instructions:
        if each.get("heredocs"):
            continue
        flags = " ".join(map(str, each.get("flags") or ()))
        arguments = each.get("args") or ()
        assert isinstance(arguments, list | tuple)
        text = json.dumps(arguments) if each.get("json") else " ".join(map(str, arguments))
        lines.append(f"{each['name']} {flags} {'true' if each['name'] == 'RUN' else text}")
    return "\n".join(lines) + "\n"


def build(
    corpus: Path, name: str, root: Path, instructions: dict[str, object], *, spoilt: bool = False
) -> None:
    """The tree of one ignore file, as a repository in whose index the tracked files are."""
    tracked = []
    with gzip.open(corpus / "trees" / f"{name}.tsv.gz", "rt", errors="surrogateescape") as rows:
        for row in rows:
            path, size, mode = row.rstrip("\n").rsplit("\t", 2)
            if mode.startswith("160"):
                (root / path).mkdir(parents=True, exist_ok=True)
            elif make(root / path, int(size), link=mode.startswith("120")):
                tracked.append(path)
    for path in planted(tracked):
        make(root / path, 1000 + len(path))
    data = (corpus / "ignorefiles" / f"{name}.dockerignore").read_bytes()
    if spoilt:
        directories = sorted({path.rpartition("/")[0] for path in tracked} - {""})
        data = spoil(data, name, directories)
    (root / ".dockerignore").write_bytes(data)
    if name in instructions and not (root / "Dockerfile").is_dir():
        (root / "Dockerfile").unlink(missing_ok=True)
        (root / "Dockerfile").write_text(dockerfile(instructions[name]))  # type: ignore[arg-type]
    index(root, tracked)


def spoil(data: bytes, name: str, directories: list[str]) -> bytes:
    """The file with mistakes in it, the same ones for the same name."""
    chance = random.Random(name)
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    chance.shuffle(lines)
    extra = ["!**/*.json", "!src", "*", "!**/*.md", "*/*", "!*/*/**", *chance.sample(lines, 1)]
    if directories:
        extra += chance.choices(directories, k=4)
        extra += [f"!{chance.choice(directories)}", f"{chance.choice(directories)}/*"]
    for each in chance.sample(extra, min(len(extra), 5)):
        lines.insert(chance.randrange(len(lines) + 1), each)
    for at in chance.sample(range(len(lines)), 2):
        other = chance.choice(lines)
        lines[at] += chance.choice([" # why", f" {other}", "  ", "/*", f"\n{other}"])
    return "\n".join(lines).encode()


def make(path: Path, size_bytes: int, *, link: bool = False) -> bool:
    """Make a sparse file, if its place is free; whether it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return False
    if os.path.lexists(path):
        return False
    if link:
        path.symlink_to("nowhere")
        return True
    with path.open("wb") as file:
        file.truncate(min(size_bytes, _LARGEST))
    return True


def index(root: Path, tracked: list[str]) -> None:
    """Make git know `tracked` without their content."""
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "init", "-q", "--template="], check=True)
    rows = b"".join(
        f"100644 {_EMPTY_BLOB}\t".encode() + os.fsencode(path) + b"\0" for path in tracked
    )
    subprocess.run([*git, "update-index", "-z", "--index-info"], input=rows, check=True)


def check(root: Path, library: GoLibrary | None, counts: Counter[str]) -> Iterator[str]:
    """Everything that is wrong about one ignore file."""
    build = Build(str(root))
    path = root / ".dockerignore"
    cases = Cases(build, BUILDKIT)
    case = cases.case(cases.layout(str(root)).target(str(path)))
    assert case.tree is not None
    findings = lint_case(case)
    copies = root.parent / "Dockerfile"
    asked = Asked(case, path, copies, library)
    yield from of_failing(asked, findings)
    for finding in findings:
        counts[finding.code] += 1
        counts["findings with figures"] += finding.files is not None
        counts["fixes"] += finding.fix is not None
        counts["fixes, certain"] += bool(finding.fix and finding.fix.certain)
        counts["paths of fixes"] += len(changed_by(finding))
        counts["paths of figures"] += len(finding.paths or ())
    yield from differences(asked, findings)
    for unsafe in (False, True):
        yield from check_all(asked, counts, unsafe=unsafe)
    counts["listings where fsutil had the last word"] += len(asked.corrected)
    for each in asked.unasked:
        counts[f"unasked: {each}"] += 1


def changed_by(finding: Finding) -> list[str]:
    """All paths that the fix of a finding says it changes."""
    said = finding.fix and finding.fix.changes
    groups = (said.ignored, said.sent, said.emptied, said.filled) if said else ()
    return [path for each in groups for path in each.paths]


def of_failing(asked: Asked, findings: Sequence[Finding]) -> Iterator[str]:
    """That the build fails and no finding says so, or the other way around."""
    said = any(each.code == "CTX121" and each.severity is Severity.ERROR for each in findings)
    try:
        asked.listed(asked.case.file.data)
    except DevtoolsError as error:
        if not said:
            yield f"the oracle fails: {error}"
    else:
        if said:
            yield "the oracle does not fail"


def check_all(asked: Asked, counts: Counter[str], *, unsafe: bool) -> Iterator[str]:
    """What is wrong about all fixes one after the other, each on what the last one left."""
    name = "--unsafe-fixes" if unsafe else "--fix"
    file = str(asked.file)
    fixed = api.lint([file], config=Config(), fix=True, unsafe_fixes=unsafe)
    if not fixed.edits:
        return
    counts[f"files, {name}"] += 1
    (edit,) = fixed.edits
    fixes = [each.fix for each in fixed.files[0].mended if each.fix is not None]
    said = [each.changes for each in fixes if each.changes is not None]
    counts[f"fixes, {name}"] += len(fixes)
    sent, wrong = composed(asked.now, said)
    yield from (f"{name}: {each}" for each in wrong)
    after = asked.listing(edit.after)
    if len(said) < len(fixes) or sent != after.sizes.keys():
        yield f"{name}: {sorted(sent ^ after.sizes.keys())[:5]} are not as said"
    total = sum(after.sizes[each] for each in after.sizes if each not in (after.empty or ()))
    if fixed.files[0].content_bytes != total:
        yield f"{name}: {fixed.files[0].content_bytes} bytes, the oracle {total}"
    again = api.lint([file], config=Config(), fix=True, unsafe_fixes=unsafe, data=edit.after)
    if again.edits:
        yield f"{name} twice changes something"


def main(names: list[str]) -> int:
    """The exit code: 1 if anything is wrong about the ignore files `names`, by default all."""
    corpus = Path(os.environ["CTXSIZE_CORPUS"])
    spoilt = "--spoilt" in names
    names = [name for name in names if not name.startswith("--")]
    instructions = json.loads((corpus / "instructions.json").read_text())
    known = sorted(p.name.removesuffix(".dockerignore") for p in (corpus / "ignorefiles").iterdir())
    counts: Counter[str] = Counter()
    errors = 0
    missing = missing_library()
    print(f"fsutil: {missing or 'yes'}", flush=True)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        library = None if missing else stack.enter_context(go_library(home))
        for name in names or known:
            with tempfile.TemporaryDirectory() as scratch:
                root = Path(scratch) / "context"
                (Path(scratch) / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
                build(corpus, name, root, instructions, spoilt=spoilt)
                try:
                    found = list(check(root, library, counts))
                except (CtxsizeError, DevtoolsError) as error:
                    found = [repr(error)]
                for each in found:
                    print(f"{name}: {each}", flush=True)
                errors += len(found)
    print(", ".join(f"{code} {counts[code]}" for code in sorted(counts)))
    print(f"{len(names or known)} ignore files, {errors} differences", flush=True)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
