"""What macOS has otherwise: names in any case, and no listxattr, no /proc, no compiled core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ctxsize.reader import folded, is_listed, listed_name
from tests.cli.conftest import REPOSITORY, Cli
from tests.oracles.availability import require
from tests.oracles.engines import Docker
from tests.oracles.processes import clean_environment, run
from tests.trees import build_tree, file

TAKES_ALL = "FROM scratch\nCOPY . .\n"
NFC, NFD = "caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9")

NAMES: dict[str, tuple[dict[str, str], Sequence[str]]] = {
    "lower case": ({"dockerfile": TAKES_ALL, "x": "1"}, ()),
    "upper case": ({"DOCKERFILE": TAKES_ALL, "x": "1"}, ()),
    "named in lower case": ({"Dockerfile": TAKES_ALL, "x": "1"}, ("-f", "dockerfile")),
    "an ignore file in another case": (
        {"Dockerfile": TAKES_ALL, "x": "1", ".DockerIgnore": "x\n"},
        (),
    ),
    "the Dockerfile's own in another case": (
        {"Dockerfile": TAKES_ALL, "x": "1", "dockerfile.dockerignore": "x\n"},
        (),
    ),
    "both in lower case": (
        {"dockerfile": TAKES_ALL, "x": "1", "dockerfile.dockerignore": "x\n"},
        (),
    ),
    "a source in another case": (
        {"Dockerfile": "FROM scratch\nCOPY packages p\n", "Packages/x": "1"},
        (),
    ),
    "a wildcard": (
        {"Dockerfile": "FROM scratch\nCOPY p/[ab] p/\n", "p/A": "1", "p/b": "12"},
        (),
    ),
    "its directory in another case": ({"sub/Dockerfile": TAKES_ALL}, ("-f", "Sub/Dockerfile")),
    "both in another case": ({"sub/Dockerfile": TAKES_ALL}, ("-f", "Sub/dockerfile")),
    "a pattern in another case": (
        {"Dockerfile": TAKES_ALL, "Logs/x": "1", ".dockerignore": "logs\n"},
        (),
    ),
}
"""Files, and options of the build."""


@pytest.fixture(scope="module")
def any_case() -> Iterator[Path]:
    """Yield a directory on a file system that keeps the case of names and ignores it."""
    require("exfat")
    with tempfile.TemporaryDirectory(prefix="exfat") as base:
        image, where = Path(base, "image"), Path(base, "mounted")
        image.write_bytes(b"")
        os.truncate(image, 8 << 20)
        where.mkdir()
        output_of("mkfs.exfat", image)
        device = output_of("losetup", "--find", "--show", image).strip()
        try:
            output_of("mount.exfat-fuse", device, where)
            yield where
            output_of("umount", where)
        finally:
            output_of("losetup", "--detach", device)


def output_of(*command: str | Path) -> str:
    """Return what a command of the system prints."""
    done = run([*map(str, command)], env=clean_environment())
    assert done.code == 0, done.stderr
    return done.stdout


@pytest.fixture
def context(any_case: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=any_case))


@pytest.mark.parametrize("name", NAMES)
def test_names_count_as_docker_lists_them(
    name: str, context: Path, docker: Docker, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, options = NAMES[name]
    for path, text in files.items():
        (context / path).parent.mkdir(exist_ok=True)
        (context / path).write_text(text)
    # Recorded answers are about trees on a file system that tells names apart. The daemon stays
    # in the directory where it starts, which must not keep the file system mounted.
    running = docker.session.engine(docker.installed)
    monkeypatch.chdir(context)
    dockerfile = options[1] if options else None
    docker_said = running.build_buildkit(context, dockerfile=dockerfile)
    ours = cli("measure", "--json", *options, ".")
    report = json.loads(ours.out) if ours.out else None
    fails = report is None or any(
        each["fails"] or each["code"] == "source-not-found" for each in report["problems"]
    )
    assert (docker_said.error is not None) == fails, docker_said.error
    if report is not None and report["transfer"] is not None:
        assert report["transfer"]["wire_bytes"] == docker_said.transferred_bytes


def test_explain_names_the_entry_as_it_is_listed(context: Path, cli: Cli) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY packages/x .\n")
    (context / "Packages").mkdir()
    (context / "Packages/x").write_text("1")
    said = cli("explain", "--trace", "packages/x", cwd=context, columns=120)
    assert "packages is listed as Packages: upper and lower case count" in said.out
    said = cli("explain", "--source", "packages/x", cwd=context, columns=120)
    assert said.code == 1
    assert "there is Packages: upper and lower case count" in said.out


def test_measure_names_the_ignore_file_that_is_skipped(context: Path, cli: Cli) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY taken .\n")
    (context / "taken").write_text("1")
    (context / ".DockerIgnore").write_text("x\n")
    (problem,) = json.loads(cli("measure", "--json", cwd=context).out)["problems"]
    assert problem["code"] == "ignore-file-passed-over"
    assert problem["message"].endswith("skips .DockerIgnore: upper and lower case count")
    # A second file of that name would replace the first, so nothing is written.
    assert cli("suggest", "--allowlist", "--write", cwd=context).code == 2
    assert (context / ".DockerIgnore").read_text() == "x\n"


def test_the_listed_name_is_found(context: Path) -> None:
    (context / "Name").write_text("")
    assert [listed_name(f"{context}/{each}") for each in ("Name", "nAME", "other")] == [
        *("Name", "Name"),
        None,
    ]


def test_two_names_that_differ_in_case_are_two(tmp_path: Path) -> None:
    build_tree(tmp_path, [file("Name"), file("nAME"), file(NFC), file("12")])
    for name in ("Name", "nAME", NFC, "12"):
        assert is_listed(str(tmp_path / name))
    for name in ("name", NFD, "13"):
        assert not is_listed(str(tmp_path / name))
    assert is_listed(str(tmp_path))
    assert is_listed("/")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("Name", "nAME", True), (NFC, NFD, True), (NFC.upper(), NFD, True), ("a", "\u00e4", False)],
)
def test_folded_names_are_those_that_macos_takes_for_one(one: str, other: str, equal: bool) -> None:
    assert (folded(one) == folded(other)) is equal


def test_lint_finds_the_other_unicode_form(tmp_path: Path, cli: Cli) -> None:
    build_tree(tmp_path, [file(f"{NFD}/x"), file(".dockerignore", f"{NFC}\n".encode())])
    found = json.loads(cli("lint", "--json", cwd=tmp_path).out)["findings"]
    assert [each["code"] for each in found] == ["CTX118"]
    assert "Unicode form" in found[0]["message"]
    cli("lint", "--unsafe-fixes", cwd=tmp_path)
    assert (tmp_path / ".dockerignore").read_text() == f"{NFD}\n"


# What Python has on Linux alone, and what ctxsize finds there.

ONLY_LINUX = """
listxattr getxattr setxattr removexattr O_PATH O_TMPFILE O_NOATIME O_DIRECT posix_fadvise
posix_fallocate sched_getaffinity sched_setaffinity pipe2 memfd_create eventfd splice
copy_file_range getrandom pidfd_open setns unshare RTLD_DEEPBIND
"""
MACOS = f"""
import os, sys
for name in {ONLY_LINUX.split()!r}:
    if hasattr(os, name):
        delattr(os, name)
sys.platform = "darwin"
assert not os.path.exists("/proc/self"), "the test did not hide /proc"
from ctxsize.cli.app import run
sys.exit(run(sys.argv[1:]))
"""
UNCOUNTED = ", without extended attributes"
COMMANDS = [
    "measure --full",
    "measure --json",
    "measure --builder classic --json",
    "measure --builder podman --json",
    "ls --transfer --size",
    "explain --trace target/debug/app",
    "explain --source 2",
    "suggest --json",
    "lint --json",
    "advise --json",
    "check --max 1MB --json",
    "scan --json",
    "clean --json",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    cargo = b'[package]\nname = "app"\nversion = "0.1.0"\n'
    signature = b"Signature: 8a477f597d28d172789f06886806bc55\n# This file is created by cargo.\n"
    build_tree(
        root,
        [
            file("Dockerfile", b"FROM rust\nCOPY . .\nRUN cargo build --release\n"),
            file(".dockerignore", b"*.log\n"),
            file("Cargo.toml", cargo),
            file("src/main.rs", b"fn main() {}\n"),
            file("target/CACHEDIR.TAG", signature),
            file("target/.rustc_info.json", b"{}"),
            file("target/debug/app", b"x" * 5000),
        ],
    )
    return root


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_answer_as_on_linux(project: Path, command: str) -> None:
    require("unshare")
    require("root")
    environment = os.environ | {"CTXSIZE_NATIVE": "0", "PYTHONPATH": str(Path(__file__).parents[2])}
    arguments = command.split()

    def answer(*argv: str) -> tuple[int, str, str]:
        done = subprocess.run(
            argv, cwd=project, env=environment, capture_output=True, text=True, timeout=600
        )
        return done.returncode, done.stdout, done.stderr

    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    macos = answer(*hidden, sys.executable, "-c", MACOS, *arguments)
    linux = answer(sys.executable, "-m", "ctxsize", *arguments)
    assert macos[0] in (0, 1), macos[2]
    words = " ".join(macos[1].split())
    # Docker would send the attributes, so its figure may be larger.
    assert (UNCOUNTED in words) == (command == "measure --full")
    assert words.replace(UNCOUNTED, "") == " ".join(linux[1].split())
    assert (macos[0], macos[2]) == (linux[0], linux[2])


def test_windows_is_told_what_to_use() -> None:
    script = (
        "import sys; sys.platform = 'win32'; from ctxsize.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "ctxsize: error: Windows is not supported; run ctxsize in WSL\n"


LACKING = """
import builtins, os, sys
sys.platform = "win32"
for name in ("O_NONBLOCK", "O_NOCTTY", "O_NOFOLLOW", "O_DIRECTORY", "geteuid", "fork"):
    delattr(os, name)
real = builtins.__import__
def without(name, *rest, **more):
    if name in ("fcntl", "resource", "pwd", "termios"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return real(name, *rest, **more)
builtins.__import__ = without
import ctxsize
assert ctxsize.__version__
"""
"""What native Windows lacks, and that the package says its version there."""


@pytest.mark.parametrize(
    "use",
    [
        "ctxsize.measure('.')",
        "from ctxsize import measure",
        "from ctxsize import *",
        "import ctxsize.api",
        "import ctxsize.reader",
        "from ctxsize.config import load",
    ],
)
def test_on_windows_each_import_says_what_to_use(use: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{LACKING}{use}\n"], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert last == "ImportError: ctxsize does not run on native Windows: use it in WSL"
