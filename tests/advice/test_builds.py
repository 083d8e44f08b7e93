"""Dockerfiles as the rewrites leave them, built by BuildKit.

The images are made here: a shell with a few programs of this machine, and
stand-ins for package managers and cargo that note what they were asked for.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ctxsize.advice import advise as run
from ctxsize.config import Config
from ctxsize.repository import discover
from tests.advice.cases import CASES
from tests.advice.test_rewrites import SHOWN, rewrites
from tests.oracles.availability import unavailable
from tests.oracles.buildkit import BuildResult
from tests.oracles.engines import Docker
from tests.trees import build_tree, directory, file

PROGRAMS = ("dash", "mkdir", "cp", "cat", "rm", "date", "touch", "chmod", "ls", "find", "env")
STAND_IN = """#!/bin/sh
# Notes what it was asked for, and which manifests were there.
set -e
name=${0##*/}
touch /log/$name-$(date +%s%N) || true
mkdir -p node_modules 2>/dev/null || exit 0
echo "$name $*" >> /log/asked || true
for each in package.json Gemfile go.mod pom.xml requirements.txt; do
    if [ -e $each ]; then echo "$name saw $each" >> /log/saw || true; cp $each node_modules/; fi
done
"""
CARGO = r"""#!/bin/sh
# Compiles into where cargo would, and counts in there how often.
set -e
echo "cargo $*" >> /log/asked || true
case "$*" in *chef\ prepare*) touch recipe.json; exit 0;; *chef*|fetch*) exit 0;; esac
profile=debug
target=${CARGO_TARGET_DIR:-target}
while [ $# -gt 0 ]; do
    case "$1" in --release|-r) profile=release;; --target-dir) target=$2; shift;; esac
    shift
done
mkdir -p $target/$profile
for each in a a-b a.d b lib.so recap-worker; do echo $each > $target/$profile/$each; done
echo again >> $target/times
cp $target/times /log/times || true
"""
MANAGERS = (
    *("npm", "yarn", "pnpm", "corepack", "bun", "node", "pip", "python", "uv", "poetry"),
    *("composer", "bundle", "mix", "go", "dotnet", "mvn", "gradle", "make", "apt-get", "apk"),
    *("useradd", "strip"),
)
PASSWD = b"""\
root:x:0:0::/root:/bin/sh
node:x:1000:0::/home/node:/bin/sh
app:x:1234:0::/home/app:/bin/sh
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root directory with a shell, programs and stand-ins."""
    found = {name: path for name in PROGRAMS if (path := shutil.which(name))}
    if len(found) < len(PROGRAMS):
        unavailable(f"needs {', '.join(sorted({*PROGRAMS} - found.keys()))}")
    linked = (_libraries(path) for path in found.values())
    copied = {
        f"bin/{name}": path
        for name, path in {**found, "sh": found["dash"], "bash": found["dash"]}.items()
    }
    copied |= {path.lstrip("/"): path for paths in linked for path in paths}
    nodes = [file(name, Path(path).read_bytes(), mode=0o755) for name, path in copied.items()]
    nodes += [file(f"bin/{name}", STAND_IN.encode(), mode=0o755) for name in MANAGERS]
    nodes += [file("bin/cargo", CARGO.encode(), mode=0o755), file("etc/passwd", PASSWD)]
    nodes += [file("etc/group", b"root:x:0:\n")]
    nodes += [file(name, b"", mode=0o755) for name in ("usr/bin/composer", "lock")]
    nodes += [directory(name, mode=0o777) for name in ("log", "tmp", "home/node", "home/app")]
    return build_tree(tmp_path_factory.mktemp("images") / "system", nodes)


def _libraries(program: str) -> list[str]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [word for word in listed.split() if word.startswith("/")]


def on_our_image(text: str) -> str:
    """A Dockerfile whose stages stand on the image of these tests; `scratch` stays."""
    directives = "".join(re.findall(r"\A(?:# \w+=.*\n)+", text))
    head = "FROM scratch AS system\nENV PATH=/bin\nCOPY --from=sysroot / /\n"
    names = re.findall(r"(?im)^FROM .* AS (\S+)\s*$", text)
    kept = "|".join(re.escape(name) for name in (*names, "scratch"))
    text = re.sub(rf"(?im)^(FROM (?:--\S+ )?)(?!(?:{kept})(?:\s|$))\S+", r"\1system", text)
    text = re.sub(rf"--from=(?!(?:{kept}|\d+)\s)\S+", "--from=system", text)
    text = re.sub(r"--from=(\d+)", lambda found: f"--from={int(found[1]) + 1}", text)
    return directives + head + text.removeprefix(directives)


def built(docker: Docker, context: Path, dockerfile: Path, system: Path) -> BuildResult:
    """What a Dockerfile makes of its context."""
    changed = dockerfile.with_name(f"built-{dockerfile.name}")
    changed.write_text(on_our_image(dockerfile.read_text()))
    own = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if own.exists():
        own.with_name(f"{changed.name}.dockerignore").write_bytes(own.read_bytes())
    extra = ("--network=none", "--no-cache=true", "--build-context", f"sysroot={system}")
    return docker.build_buildkit(context, dockerfile=changed, extra=extra)


def rewritten(root: Path) -> list[tuple[Path, Path]]:
    """What can be rewritten in `root`, done; and its contexts and Dockerfiles."""
    discovery = discover(str(root))
    for edit in run(discovery, unsafe=True, config=Config()).edits:
        Path(edit.path).write_bytes(edit.after)
    return [
        (
            Path(each.build.context),
            Path(each.build.dockerfile or f"{each.build.context}/Dockerfile"),
        )
        for each in discovery.builds
        if each.inline is None
    ]


# CTX203 needs another frontend: `test_engine` builds with it.
@pytest.mark.parametrize(
    ("code", "name"),
    [(code, name) for code in CASES if code not in {"CTX203", *SHOWN} for name in rewrites(code)],
)
def test_what_is_rewritten_builds(
    code: str, name: str, docker: Docker, system: Path, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    for context, dockerfile in rewritten(root):
        result = built(docker, context, dockerfile, system)
        assert result.error is None, dockerfile.read_text() + result.error
