"""What a repository's configuration says, where it is found, and every mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.build import Build
from ctxsize.config import Budget, BudgetedBuild, Config, Suppression, load
from ctxsize.errors import InputError, InputErrors
from ctxsize.units import Tolerance

FULL = """\
select = ["CTX1", "CTX401"]
ignore = ["CTX119"]
baseline = ".ctxsize-baseline.json"
max = "50MB"
of = "transfer"

[[suppress]]
code = "CTX101"
path = "api/.dockerignore"
pattern = "node_modules"
reason = "there is one only"

[contexts."services/api"]
dockerfile = "docker/api.Dockerfile"
target = "runtime"
builder = "classic"
max = 2_000
max-files = 30
growth = "5%"
shrink = "1kB"
build-args = { VERSION = "3" }
build-contexts = { shared = "libs" }
platforms = ["linux/arm64"]

[contexts.web]
path = "services/*"
min = "1kB"
min-files = 2
"""


def write(directory: Path, text: str, name: str = "ctxsize.toml") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(text)
    return path


def test_every_key_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, FULL)
    defaults = BudgetedBuild("", Build(""), Budget(max_bytes=50_000_000, of="transfer"))
    api = Budget(2_000, 30, "transfer", Tolerance(percent=5), Tolerance(content_bytes=1_000))
    assert load(str(tmp_path)) == Config(
        path=str(path),
        select=("CTX1", "CTX401"),
        ignore=("CTX119",),
        suppress=(Suppression("CTX101", "there is one only", "api/.dockerignore", "node_modules"),),
        defaults=defaults,
        baseline=".ctxsize-baseline.json",
        contexts=(
            BudgetedBuild(
                "services/api",
                Build(
                    "services/api",
                    str(tmp_path / "docker/api.Dockerfile"),
                    "runtime",
                    {"VERSION": "3"},
                    {"shared": str(tmp_path / "libs")},
                    ("linux/arm64",),
                    "classic",
                ),
                api,
            ),
            BudgetedBuild(
                "web",
                Build("services/*"),
                Budget(50_000_000, of="transfer", min_bytes=1_000, min_files=2),
            ),
        ),
    )


PLACES = [
    # files, where to start, what is found
    ({"ctxsize.toml": 'max = "1B"'}, ".", 1),
    ({"ctxsize.toml": 'max = "1B"'}, "a/b", 1),
    ({"pyproject.toml": '[tool.ctxsize]\nmax = "2B"'}, "a", 2),
    ({"pyproject.toml": '[tool.other]\nmax = "2B"'}, "a", None),
    ({"pyproject.toml": "[project]\n", "../ctxsize.toml": 'max = "3B"'}, ".", 3),
    ({"ctxsize.toml": "max = 1", "pyproject.toml": "[tool.ctxsize]\nmax = 2"}, ".", 1),
    ({"a/ctxsize.toml": "max = 4", "ctxsize.toml": "max = 1"}, "a", 4),
    ({"ctxsize.toml": "max = 1", "a/.git/HEAD": ""}, "a/b", None),
    ({"ctxsize.toml": "max = 1", "a/.git": "gitdir: elsewhere"}, "a/b", None),
    ({"ctxsize.toml": "max = 1", ".git/HEAD": ""}, "a/b", 1),
    ({"ctxsize.toml": ""}, ".", None),
]


@pytest.mark.parametrize(("files", "start", "found"), PLACES)
def test_the_nearest_configuration_counts(
    files: dict[str, str], start: str, found: int | None, tmp_path: Path
) -> None:
    root = tmp_path / "outer" / "root"
    (root / "a" / "b").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name, text in files.items():
        path = root / name
        write(path.parent, text, path.name)
    assert load(str(root / start)).defaults.budget.max_bytes == found


def test_its_path_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "max = 1")
    (tmp_path / "a" / "b").mkdir(parents=True)
    for directory, path in ((".", "ctxsize.toml"), ("a", "../ctxsize.toml")):
        monkeypatch.chdir(tmp_path / directory)
        config = load(".")
        assert config.path == path
    assert config.directory == ".."


WRONG = [
    ("maxx = 1", ["maxx: unknown key (one of "]),
    ("zzz = 1\nqqq = 2", ["zzz: unknown key (one of", "qqq: unknown key (one of"]),
    ('max = "1 parsec"', ["max: not a size: '1 parsec'"]),
    (
        '[[suppress]]\ncode = "CTX401"\nreason = "x"\npattern = "*.log"',
        [
            "suppress[1].pattern: CTX401 is about a context, not about a line "
            "(name the context by path)"
        ],
    ),
    ('[contexts.""]\nmax = 1', ['contexts."": a context needs a name']),
    ('platforms = ["", 3]', ["platforms: must be a list of strings"]),
    ('[build-contexts]\na = "/etc"', ["build-contexts.a: /etc lies outside the repository"]),
    ("max = -1\nmax-files = true", ["max: must be a size", "max-files: must be a whole number"]),
    ('max = "50"', ["max: 50 has no unit, and 50 bytes would be tiny (write 50B or 50MB)"]),
    ('growth = "5"', ["growth: 5 has no unit, and 5 bytes would be tiny (write 5% or 5MB)"]),
    ("max = 1.5\nmin = true", ["max: must be a size", "min: must be a size"]),
    ('max-files = "3"', ["max-files: must be a whole number"]),
    ('growth = "much"', ["growth: neither a size nor a percentage"]),
    ('of = "wire"', ["of: must be one of context, transfer"]),
    ('builder = "kaniko"', ["builder: must be one of buildkit, classic, podman"]),
    ("target = 3", ["target: must be a non-empty string"]),
    ('select = "CTX101"', ["select: must be a list"]),
    ('ignore = ["E501"]', ["ignore: must be a list of codes"]),
    ("contexts = 3", ["contexts: must be a table"]),
    ("[contexts]\na = 3", ["contexts.a: must be a table"]),
    ('[contexts."a b"]\nmx = 1', ["contexts.a b.mx: unknown key (one of "]),
    ("[contexts.a]\nbaseline = 'x'", ["contexts.a.baseline: unknown key"]),
    ("suppress = 3", ["suppress: must be a list"]),
    ('[[suppress]]\ncode = "CTX101"', ["suppress[1]: the key 'reason' is missing"]),
    (
        '[[suppress]]\ncode = "CTX101"\nreason = " "',
        ["suppress[1].reason: must be a non-empty string"],
    ),
    ("build-args = { A = 1 }", ["build-args: must be a table of strings"]),
    ('platforms = "linux/arm64"', ["platforms: must be a list"]),
    ("max = ", ["is not TOML: "]),
    ("a = " + "[" * 4000, ["is not TOML: "]),
]


@pytest.mark.parametrize(("text", "messages"), WRONG)
def test_every_mistake_is_reported(text: str, messages: list[str], tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputErrors) as caught:
        load(str(tmp_path))
    told = [str(each) for each in caught.value.errors]
    assert len(told) == len(messages)
    for line, message in zip(told, messages, strict=True):
        assert line.startswith(f"{path}: {message}")


@pytest.mark.parametrize("data", [b"max = '\xff'", None])
def test_a_file_that_cannot_be_read(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "ctxsize.toml"
    if data is None:
        path.symlink_to("/proc/self/mem")  # a file whose reading fails, for root too
    else:
        path.write_bytes(data)
    with pytest.raises(InputErrors, match=r"ctxsize\.toml: (is not UTF-8|cannot be read)"):
        load(str(tmp_path))


@pytest.mark.parametrize("name", ["ctxsize.toml", "pyproject.toml"])
def test_a_configuration_that_is_no_file_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).symlink_to("gone")
    with pytest.raises(InputErrors, match="cannot be read"):
        load(str(tmp_path))
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(InputErrors, match="cannot be read"):
        load(str(tmp_path))


TOLERANCES = [
    ("10%", 1_000, 100),
    ("0.1%", 999, 0),
    ("5 MB", 1, 5_000_000),
    ("64KiB", 1, 65_536),
    ("0", 100, 0),
]


@pytest.mark.parametrize(("text", "baseline", "limit"), TOLERANCES)
def test_a_tolerance_limits_the_difference(text: str, baseline: int, limit: int) -> None:
    assert Tolerance.parse(text).limit(baseline) == limit


@pytest.mark.parametrize("text", ["", "%", "-5%", "5 parsec", "1e3"])
def test_what_is_no_tolerance_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="neither a size nor a percentage"):
        Tolerance.parse(text)
