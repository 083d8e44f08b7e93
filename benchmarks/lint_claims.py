"""Holds what `ctxsize lint` says about real ignore files against docker-devtools.

    CTXSIZE_CORPUS=/path python benchmarks/lint_claims.py [--spoilt] [ID…]

The corpus holds `ignorefiles/ID.dockerignore`, `trees/ID.tsv.gz` (path, bytes,
mode) and `instructions.json`, and is no part of the project. Each tree is made
of sparse files, with artefacts planted that no repository tracks. Checked are:

* the number of files and bytes that are sent with each ignore file;
* for each finding with paths, that the oracle sends, or does not send, as many
  files and bytes as it says, where that can be read off the fix;
* for each fix that counts as certain, that just those paths change by it;
* for `--fix` as a whole, that what is left has no certain fix, and that a second
  run changes nothing.

With `--spoilt` the lines are shuffled, and some are doubled, commented at their end,
joined, or followed by exceptions: mistakes that real files seldom hold.
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
from collections.abc import Iterator
from pathlib import Path

from ctxsize import api
from ctxsize.build import Build
from ctxsize.config import Config
from ctxsize.engine.builders import BUILDKIT
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Finding
from ctxsize.lints.discover import Layout
from ctxsize.lints.run import Linter, lint_case
from ctxsize.lints.selection import Selection, Suppressions
from tests.oracles.devtools import DevtoolsError, Listed, list_context

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


def oracle(root: Path, data: bytes) -> dict[str, Listed]:
    """What docker-devtools sends with `data` in the ignore file; the tree is left as it was."""
    file = root / ".dockerignore"
    before = file.read_bytes()
    try:
        file.write_bytes(data)
        listed = list_context(root, dockerfile=root.parent / "Dockerfile")
        return {each.name.rstrip("/"): each for each in listed}
    finally:
        file.write_bytes(before)


def size(listed: dict[str, Listed], paths: set[str]) -> tuple[int, int]:
    """How many files `paths` are in a listing, and their bytes.

    The ignore file's own are left out, as a fix changes them.
    """
    files = [listed[path] for path in paths if not listed[path].name.endswith("/")]
    return len(files), sum(each.size_bytes for each in files if each.name != ".dockerignore")


_SENT = ("CTX101", "CTX105", "CTX108", "CTX109", "CTX110", "CTX130")
"""Codes whose figures are of what is sent and should not be."""
_SHOWN = 3
"""With fewer pieces of evidence, they are all that a finding is about."""


def misjudged(sent: dict[str, Listed], finding: Finding) -> str | None:
    """What the oracle says otherwise about the figures of a finding, or None."""
    if finding.code not in _SENT or finding.files is None:
        return None
    tops = [each.rstrip("/") for each in finding.evidence]
    if any(top not in sent for top in tops):
        return f"{finding.code}: {tops} are not sent"
    below = {p for p in sent if any(p == top or p.startswith(f"{top}/") for top in tops)}
    found, said = size(sent, below), (finding.files, finding.content_bytes or 0)
    if found == said or (len(tops) == _SHOWN and found < said):
        return None
    return f"{finding.code}: said {said}, the oracle {found}"


def wrong(root: Path, sent: dict[str, Listed], finding: Finding) -> str | None:
    """What the oracle says otherwise about a finding and its fix, or None."""
    if finding.fix is None or finding.files is None:
        return None
    after = oracle(root, finding.fix.edits[0].after)
    gone, come = sent.keys() - after.keys(), after.keys() - sent.keys()
    changed = (size(sent, gone), size(after, come))
    own = (root / ".dockerignore").stat().st_size if ".dockerignore" in gone | come else 0
    said = (finding.files, (finding.content_bytes or 0) - own)
    if said in changed or not finding.fix.certain:
        return None
    return f"{finding.code}: said {said}, the oracle {changed}"


def check(root: Path, name: str, counts: Counter[str]) -> Iterator[str]:
    """Everything that is wrong about one ignore file."""
    suppressions = Suppressions(Config())
    build = Build(str(root))
    linter = Linter(build, BUILDKIT, selection=Selection(), suppressions=suppressions)
    target = Layout.below(str(root)).target(str(root / ".dockerignore"))
    case = linter.case(target)
    assert case.tree is not None
    findings = lint_case(case)
    try:
        sent = oracle(root, case.file.data)
    except DevtoolsError as error:
        if not any(each.code in ("CTX121", "CTX122") for each in findings):
            yield f"the oracle fails: {error}"
        return
    files = {path for path, each in sent.items() if not each.name.endswith("/")}
    ours = {path for path in case.tree.now.paths if not case.tree.is_directory(path)}
    if files != ours:
        yield f"sent: {sorted(files ^ ours)[:5]}"
    for finding in findings:
        counts[finding.code] += 1
        counts["fixes, certain"] += bool(finding.fix and finding.fix.certain)
        counts["claims"] += finding.files is not None
        error = (
            misjudged(sent, finding)
            or wrong(root, sent, finding)
            or unintended(root, sent, finding)
        )
        if error is not None:
            yield error
    yield from check_fixes(root, sent, counts)


NOTHING_CHANGES = ("CTX103", "CTX106", "CTX112", "CTX113", "CTX119", "CTX128")
"""Codes whose certain fixes change no path at all."""


def unintended(root: Path, sent: dict[str, Listed], finding: Finding) -> str | None:
    """That a certain fix of a line without effect has one, or None."""
    if finding.fix is None or not finding.fix.certain or finding.files is not None:
        return None
    if finding.code not in NOTHING_CHANGES:
        return None
    after = oracle(root, finding.fix.edits[0].after)
    changed = sent.keys() ^ after.keys()
    return f"{finding.code}: the fix changes {sorted(changed)[:5]}" if changed else None


def check_fixes(root: Path, sent: dict[str, Listed], counts: Counter[str]) -> Iterator[str]:
    """What is wrong about all certain fixes together."""
    file = root / ".dockerignore"
    fixed = api.lint([str(file)], config=Config(), fix=True)
    if not fixed.edits:
        return
    counts["files, fixed"] += 1
    (edit,) = fixed.edits
    after = oracle(root, edit.after)
    said = sum(each.files or 0 for each in fixed.files[0].mended)
    gone = size(sent, sent.keys() - after.keys())[0] + size(after, after.keys() - sent.keys())[0]
    if said != gone:
        yield f"--fix: said {said} files, the oracle {gone}"
    again = api.lint([str(file)], config=Config(), fix=True, data=edit.after)
    if again.edits:
        yield "--fix twice changes something"


def main(names: list[str]) -> int:
    """The exit code: 1 if anything is wrong about the ignore files `names`, by default all."""
    corpus = Path(os.environ["CTXSIZE_CORPUS"])
    spoilt = "--spoilt" in names
    names = [name for name in names if name != "--spoilt"]
    instructions = json.loads((corpus / "instructions.json").read_text())
    known = sorted(p.name.removesuffix(".dockerignore") for p in (corpus / "ignorefiles").iterdir())
    counts: Counter[str] = Counter()
    errors = 0
    for name in names or known:
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch) / "context"
            (Path(scratch) / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
            build(corpus, name, root, instructions, spoilt=spoilt)
            try:
                found = list(check(root, name, counts))
            except CtxsizeError as error:
                found = [str(error)]
            for each in found:
                print(f"{name}: {each}", flush=True)
            errors += len(found)
    print(", ".join(f"{code} {counts[code]}" for code in sorted(counts)))
    print(f"{len(names or known)} ignore files, {errors} differences")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
