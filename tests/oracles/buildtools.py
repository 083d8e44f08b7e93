"""What tools that start builds call, kept in `tests/data/buildtools.json`.

`python -m tests.oracles.buildtools` asks the tools that are installed again. Each one runs in a
tree of `LAYOUTS`, with a `docker` and a `podman` on the PATH that only write down how they were
called. What they were asked to build is kept: context, Dockerfile and target.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.trees import build_tree, file

FILE = Path(__file__).parents[1] / "data" / "buildtools.json"
STAGES = "FROM scratch AS dev\nCOPY . /\nFROM scratch\nCOPY . /\n"
DOCKERFILES = dict.fromkeys(("app/Dockerfile", "deploy/app.Dockerfile"), STAGES)
_SHIM = """#!/bin/sh
case "$1 $2" in
*"buildx version"*) echo "github.com/docker/buildx v0.30.1" ;;
*-v*) echo "Docker version 28.5.2, build 1" ;;
*inspect*) echo '[{"Id": "a", "Config": {"User": "", "Env": [], "Labels": {}}}]' ;;
esac
line=$({ pwd | tr '\\n' '\\0'; printf '%s\\0' "$@"; } | base64 -w 0)
echo "$line" >> "$CALLS"
"""

LAYOUTS: dict[str, tuple[list[str], dict[str, str]]] = {
    "just": (
        ["just", "a", "b", "c"],
        {
            "justfile": 'dir := "app"\n\na:\n    docker build -t a {{dir}}\n\n'
            "b:\n    cd deploy\n    docker build --target dev -f deploy/app.Dockerfile .\n\n"
            "c:\n    #!/bin/sh\n    cd deploy\n    docker build -f app.Dockerfile .\n"
        },
    ),
    "just, a module": (
        ["just", "tools::a"],
        {
            "justfile": "mod tools\n",
            "tools/justfile": "a:\n    docker build {{source_directory()}}/../app\n",
        },
    ),
    "make": (
        ["make", "a", "b"],
        {
            "Makefile": "a:\n\tcd app && docker build $(CURDIR)/app\ninclude make/b.mk\n",
            "make/b.mk": "b:\n\tdocker build -f deploy/app.Dockerfile --target dev .\n",
        },
    ),
    "task": (
        ["task", "a", "b"],
        {
            "Taskfile.yml": "version: '3'\nvars:\n  FILE: deploy/app.Dockerfile\ntasks:\n  a:\n"
            "    dir: app\n    cmds:\n      - cmd: docker build -t a .\n"
            "  b:\n    cmds:\n      - cd app\n      - docker build --target dev -f {{.FILE}} .\n"
        },
    ),
    "gitlab-ci-local": (
        ["gitlab-ci-local", "--shell-isolation=false", "a", "b"],
        {
            ".gitlab-ci.yml": "variables:\n  DIR: app\na:\n  before_script:\n    - cd deploy\n"
            "  script:\n    - - cd ..\n    - docker build $DIR\n"
            "b:\n  script:\n"
            "    - docker build --target dev -f deploy/app.Dockerfile $CI_PROJECT_DIR\n"
        },
    ),
    "devcontainer": (
        ["devcontainer", "build", "--workspace-folder", "."],
        {
            ".devcontainer/devcontainer.json": '// x\n{\n\t"build": {\n\t\t"dockerfile": '
            '"Dockerfile", /* x */\n\t\t"context": "..",\n\t\t"target": "dev",\n\t},\n}\n',
            ".devcontainer/Dockerfile": STAGES,
        },
    ),
    "devcontainer, older": (
        ["devcontainer", "build", "--workspace-folder", "."],
        {
            ".devcontainer/devcontainer.json": '{"dockerFile": "../app/Dockerfile", '
            '"context": "..", "build": {"context": "../deploy"}}\n'
        },
    ),
    "devcontainer, beside": (
        ["devcontainer", "build", "--workspace-folder", "."],
        {".devcontainer.json": '{"build": {"dockerfile": "deploy/app.Dockerfile"}}\n'},
    ),
    "quadlet": (
        ["quadlet", "-dryrun", "-user"],
        {
            "app/a.build": "[Build]\nImageTag=a\nSetWorkingDirectory=unit\n",
            "b.build": "[Build]\nImageTag=b\nSetWorkingDirectory=./deploy\n"
            "File=deploy/app.Dockerfile\nTarget=dev\n",
            "deploy/c.build": "[Build]\nImageTag=c\nSetWorkingDirectory=file\n"
            "File=app.Dockerfile\n",
            "d.build": "[Build]\nImageTag=d\nFile=deploy/app.Dockerfile\n",
        },
    ),
}
"""For each tool that is asked how it is called, and the files beside `DOCKERFILES`."""


def planted(root: Path, layout: str) -> Path:
    """Return a repository with the files of a layout."""
    files = {**DOCKERFILES, **LAYOUTS[layout][1]}
    return build_tree(root, [file(path, text.encode()) for path, text in files.items()])


def asked(root: Path, layout: str) -> list[list[str]]:
    """Return what a tool asks docker to build: context, Dockerfile and target of each build."""
    tools, log = root.parent / "tools", root.parent / "calls"
    tools.mkdir()
    for name in ("docker", "podman"):
        (tools / name).write_text(_SHIM)
        (tools / name).chmod(0o755)
    log.touch()
    subprocess.run(["git", "init", "-q", root], check=True)
    subprocess.run(["git", "-C", root, "remote", "add", "origin", "git@x.test:a/a.git"], check=True)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    extra = {"CALLS": str(log), "PATH": path, "HOME": str(root.parent)}
    extra["QUADLET_UNIT_DIRS"] = str(root)
    command = LAYOUTS[layout][0]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **extra}, capture_output=True, text=True, check=False
    )
    calls = [*_planned(done.stdout), *_called(log.read_text())]
    assert calls, done.stdout + done.stderr
    return sorted(each for call in calls if (each := _build(root, *call)))


def _called(log: str) -> Iterator[tuple[str, list[str]]]:
    for line in log.splitlines():
        directory, *words = base64.b64decode(line).decode().split("\0")[:-1]
        yield directory, words


def _planned(units: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the calls in the services that Quadlet prints."""
    directory = "/"
    for line in units.splitlines():
        key, _, value = line.partition("=")
        directory = value if key == "WorkingDirectory" else directory
        if key == "ExecStart":
            yield directory, shlex.split(value)[1:]


def _build(root: Path, directory: str, words: list[str]) -> list[str]:
    """Return what a call builds, nothing if it does not build."""
    if "build" not in words[:2]:
        return []
    valued = ("-f", "--file", "-t", "--tag", "--target", "--build-arg")
    options: dict[str, str] = {}
    operands = []
    pending = iter(words[words.index("build") + 1 :])
    for word in pending:
        if word in valued:
            options[word] = next(pending)
        elif not word.startswith("-"):
            operands.append(word)
    context = os.path.join(directory, operands[-1])
    named = options.get("--file", options.get("-f", ""))
    paths = [os.path.join(directory, named)] if named else [os.path.join(context, "Dockerfile")]
    # podman looks for the file in its directory, then in the context.
    paths += [os.path.join(context, named)]
    dockerfile = next((each for each in paths if os.path.exists(each)), paths[0])
    if "Dockerfile-with-features" in dockerfile:  # the copy that devcontainer makes
        return [os.path.relpath(context, root), "", ""]
    return [
        os.path.relpath(context, root),
        os.path.relpath(dockerfile, root),
        options.get("--target", ""),
    ]


def version(program: str) -> str:
    """Return the first line that a program prints as its version."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0].split()[-1]


def main() -> None:
    """Ask the tools that are installed, and keep the answers of the others."""
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    for layout, (command, _) in LAYOUTS.items():
        if shutil.which(command[0]) is None:
            print(f"{command[0]} is not installed: {layout} stays as it is", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as directory:
            builds = asked(planted(Path(directory) / "repository", layout), layout)
        kept[layout] = {"tool": command[0], "version": version(command[0]), "builds": builds}
    FILE.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
