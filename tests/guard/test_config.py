"""What a repository's configuration says, where it is found, and every mistake in it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from ctxsize.build import Build
from ctxsize.config import Budget, BudgetedBuild, Config, Suppression, builds, load
from ctxsize.errors import InputError, InputErrors
from ctxsize.formats.json import schema
from ctxsize.keys import attribute_of, schemas
from ctxsize.units import Tolerance

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
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


WRONG_PATTERNS = [
    ('require = ["!a"]', "require: '!a': it begins with ! (write a line of an ignore file"),
    ('forbid = ["ok", "#a"]', "forbid: '#a': it is empty or a comment"),
    ('forbid = [" "]', "forbid: ' ': it is empty or a comment"),
    ('forbid = ["[a"]', "forbid: '[a': syntax error in pattern"),
    ('forbid = ["a*["]', "forbid: 'a*[': missing closing ]"),
    ('forbid = ["../a"]', "forbid: '../a': it names nothing inside the context"),
    ('forbid = ["a/../.."]', "forbid: 'a/../..': it names nothing inside the context"),
    ('forbid = ["."]', "forbid: '.': it names nothing inside the context"),
    ("forbid = [1]", "forbid: must be a list of at most 1,000 patterns"),
    ('forbid = "a"', "forbid: must be a list of at most 1,000 patterns"),
    (f"forbid = {['a'] * 1001}", "forbid: must be a list of at most 1,000 patterns"),
    (f'forbid = ["{"a" * 1001}"]', "forbid: must be a list of at most 1,000 patterns"),
    ('[contexts.a]\nrequire = ["!a"]', "contexts.a.require: '!a': it begins with !"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_PATTERNS)
def test_a_pattern_that_can_match_nothing_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputErrors) as caught:
        load(str(tmp_path))
    assert str(caught.value).startswith(f"{path}: {message}")


def test_assertions_of_the_top_level_hold_for_each_context(tmp_path: Path) -> None:
    write(tmp_path, 'forbid = ["a", "b", "a"]\n[contexts.x]\nforbid = ["c", "b"]\nrequire = ["d"]')
    config = load(str(tmp_path))
    assert config.defaults.budget == Budget(forbid=("a", "b"))
    assert config.contexts[0].budget == Budget(forbid=("c", "b", "a"), require=("d",))


def extending(directory: Path, own: str, *others: str) -> Config:
    """The configuration that extends `others`, the next by each of them."""
    for number, text in enumerate(others, 1):
        more = f'extends = "{number + 1}.toml"\n' if number < len(others) else ""
        write(directory, more + text, f"{number}.toml")
    write(directory, f'extends = "1.toml"\n{own}')
    return load(str(directory))


def test_own_keys_count_and_lists_add_up(tmp_path: Path) -> None:
    accepted = '[[suppress]]\ncode = "CTX{}"\nreason = "x"\n'
    config = extending(
        tmp_path,
        f'max = 1\nforbid = ["a"]\nbuild-args = {{ A = "1" }}\n{accepted.format(101)}'
        "[contexts.api]\nmax-files = 3\n",
        f'max = 2\nmin = 3\nforbid = ["b"]\nbuild-args = {{ A = "2", B = "2" }}\n'
        f'{accepted.format(102)}[contexts.api]\nmax-files = 4\nof = "transfer"\n[contexts.web]\n',
        'max = 4\nselect = ["CTX1"]\ndockerfile = "x/Dockerfile"\n',
    )
    budget = Budget(max_bytes=1, min_bytes=3, forbid=("a", "b"))
    assert config.defaults.budget == budget
    assert config.defaults.build.build_arguments == {"A": "1", "B": "2"}
    assert config.defaults.build.dockerfile == str(tmp_path / "x/Dockerfile")
    assert config.select == ("CTX1",)
    assert [(each.code, each.is_inherited) for each in config.suppress] == [
        ("CTX101", False),
        ("CTX102", True),
    ]
    budgets = {each.name: each.budget for each in config.contexts}
    assert budgets == {"api": Budget(max_files=3, of="transfer").over(budget), "web": budget}


def test_paths_are_relative_to_the_configuration_and_not_to_what_it_extends(tmp_path: Path) -> None:
    write(tmp_path / "org", 'baseline = "b.json"\n[contexts.api]\n', "org.toml")
    write(tmp_path, 'extends = "org/org.toml"\n')
    config = load(str(tmp_path))
    assert (config.baseline, config.contexts[0].build.context) == ("b.json", "api")


OUTSIDE = [
    # a key, what it says; `a:` is a directory of the repository, `deep` a link to `a:/b/c`
    *((key, "a://../../out") for key in ("baseline", "extends", "dockerfile")),
    *((key, "deep/../../../out") for key in ("baseline", "extends", "dockerfile")),
    ("baseline", "https://../../../out"),
    ("baseline", "docker-image://../../../out"),
    ("extends", "git@x/../../out"),
    ("dockerfile", "-/../../out"),
    ("[contexts.x]\npath", "a://../../out"),
    ("[contexts.x]\npath", "deep/../../../out"),
    ("[contexts.x]\npath", "service:/../../out"),
    ("[contexts.x]\npath", "target:/../../out"),
    ("[contexts.x]\ndockerfile", "a://../../out"),
    ("[contexts.x.build-contexts]\nn", "a://../../out"),
    ("[contexts.x.build-contexts]\nn", "service:/../../out"),
    ("[build-contexts]\nn", "a://../../out"),
    ("[build-contexts]\nn", "deep/../../../out"),
]


@pytest.mark.parametrize(("key", "path"), OUTSIDE)
def test_a_path_that_looks_like_a_reference_does_not_leave_the_repository(
    key: str, path: str, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    (root / "a:" / "b" / "c").mkdir(parents=True)
    for name in ("https:", "docker-image:", "git@x", "-", "service:", "target:", ".git", "x"):
        (root / name).mkdir()
    (root / "deep").symlink_to("a:/b/c")
    write(root, f"{key} = {json.dumps(path)}")
    with pytest.raises(InputErrors, match="lies outside the repository"):
        load(str(root))


@pytest.mark.parametrize(
    "reference",
    [
        *("https://x.org/../../y.git", "docker-image://a/../../../b", "oci-layout://../../x"),
        *("target:../../x", "git@x.org:../../a", "github.com/../../x"),
    ],
)
def test_only_a_named_context_may_be_a_reference(reference: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path, f"[build-contexts]\nn = {json.dumps(reference)}")
    assert load(str(tmp_path)).defaults.build.build_contexts == {"n": reference}


def test_a_context_may_be_in_a_directory_that_looks_like_a_reference(tmp_path: Path) -> None:
    (tmp_path / "a:" / "b").mkdir(parents=True)
    write(tmp_path, '[contexts."a://b"]\n[contexts.n.build-contexts]\nm = "a://b"')
    found = [build.build for _, table in builds(load(str(tmp_path))) for build in table]
    assert [build.context for build in found] == [str(tmp_path / "a:/b")]
    assert load(str(tmp_path)).contexts[1].build.build_contexts == {"m": str(tmp_path / "a:/b")}


@pytest.mark.parametrize("path", ["[d]eep/../../out", "d*/../../o*"])
def test_a_pattern_finds_no_context_above_a_link(path: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in (".git", "a/b/c", "a/out", "../out"):
        (root / name).mkdir(parents=True)
    (root / "deep").symlink_to("a/b/c")
    write(root, f'[contexts.x]\npath = "{path}"')
    with pytest.raises(InputErrors, match="lies outside the repository"):
        load(str(root))


EXTENDING = [
    # the name, the content of `base.toml`, the error
    ("ctxsize.toml", "", "extends: it extends itself, or more than 8 files"),
    ("loop.toml", "", "extends: it extends itself, or more than 8 files"),
    ("same.toml", "", "extends: it extends itself, or more than 8 files"),
    ("../out.toml", "", "extends: ../out.toml lies outside the repository"),
    ("/etc/passwd", "", "extends: /etc/passwd lies outside the repository"),
    ("link.toml", "", "extends: link.toml lies outside the repository"),
    ("gone.toml", "", "gone.toml: cannot be read: No such file"),
    ("base.toml", "a b hunter2", "base.toml:1: is not TOML"),
    ("base.toml", "hunter2 = 1", "base.toml: unknown key (one of "),
    ("base.toml", 'max = "hunter2"', "base.toml: max: must be a size such as"),
    ("base.toml", '[contexts."../hunter2"]', "base.toml: path: it lies outside"),
    ("base.toml", "[contexts]\nhunter2 = 1", "base.toml: must be a table"),
    ("base.toml", 'extends = "gone.toml"', "gone.toml: cannot be read"),
    ("base.toml", '[build-contexts]\nhunter2 = "/etc"', "base.toml: it lies outside"),
    ("base.toml", "#" * (5 << 20), "base.toml: cannot be read: it is larger than"),
    (".", "", "root: cannot be read"),
    (" ", "", "extends: must be a non-empty string"),
]


@pytest.mark.parametrize(("name", "text", "message"), EXTENDING)
def test_extending_stays_in_the_repository_and_ends(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    (tmp_path / "out.toml").write_text('max = "1MB"')
    write(root, text, "base.toml")
    write(root, 'extends = "loop.toml"', "loop.toml")
    (root / "link.toml").symlink_to("../out.toml")
    (root / "same.toml").symlink_to("ctxsize.toml")
    write(root, f'extends = "{name}"')
    with pytest.raises(InputErrors) as caught:
        load(str(root))
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_eight_files_may_be_extended(tmp_path: Path) -> None:
    texts = [f"max-files = {number}" for number in range(1, 10)]
    assert extending(tmp_path / "a", "", *texts[:8]).defaults.budget.max_files == 1
    with pytest.raises(InputErrors, match="more than 8 files"):
        extending(tmp_path / "b", "", *texts)


def validated(text: str) -> bool:
    """Whether the schema for editors accepts a configuration, with dates as text."""
    table = json.loads(json.dumps(tomllib.loads(text), default=str))
    return jsonschema.Draft202012Validator(schema("config")).is_valid(table)


BEYOND_SCHEMA = (
    "is not TOML: ",
    "lies outside the repository",
    "syntax error in pattern",
    "missing closing ]",
    "names nothing inside",
)
"""Mistakes that no JSON Schema can name."""


@pytest.mark.parametrize(
    ("text", "message"),
    [*((text, " ".join(messages)) for text, messages in WRONG), *WRONG_PATTERNS],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str, message: str) -> None:
    if not any(each in message for each in BEYOND_SCHEMA):
        assert not validated(text)


RIGHT = [
    FULL,
    'max = "1.5 GiB"\nmin = "0"\ngrowth = "2.5 %"\nshrink = 5',
    'require = ["a b", "\\\\!x", "**/[a-z].c"]\nforbid = []',
    'extends = "org.toml"',
    '[[suppress]]\ncode = "CTX101"\nreason = "x"\nexpires = 2027-01-31',
    '[[suppress]]\ncode = "CTX401"\nreason = "x"\nexpires = "2027-01-31"',
    "",
]


@pytest.mark.parametrize("text", RIGHT)
def test_the_schema_accepts_what_the_reader_accepts(text: str, tmp_path: Path) -> None:
    write(tmp_path, "", "org.toml")
    write(tmp_path, text)
    load(str(tmp_path))
    assert validated(text)


def test_every_key_of_the_schema_has_a_value() -> None:
    names = {each.name for each in (*fields(Budget), *fields(Build))}
    assert {*map(attribute_of, schemas("context"))} - {"path"} <= names
    assert {*map(attribute_of, schemas("suppression"))} < {e.name for e in fields(Suppression)}
    assert {*map(attribute_of, schemas())} - names - {"extends"} <= {e.name for e in fields(Config)}
    described = (
        *schemas("context").values(),
        *schemas("suppression").values(),
        *schemas().values(),
    )
    assert all(each["description"].endswith(".") and each["errorMessage"] for each in described)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda it: it.name)
def test_the_configurations_of_the_documentation_are_valid(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(re.findall(r"```toml\n(.+?)```", page.read_text(), re.DOTALL)):
        at = tmp_path / str(number)
        write(at, "max = 1", "org.toml")
        write(at, text)
        load(str(at))
        assert validated(text)


WRONG_DATES = ["2027-13-01", "2027-01-31T00:00:00", '"31.1.2027"', "2027", '""', '"2027-02-31"']


@pytest.mark.parametrize("text", WRONG_DATES)
def test_a_date_is_a_day(text: str, tmp_path: Path) -> None:
    text = f'[[suppress]]\ncode = "CTX101"\nreason = "x"\nexpires = {text}\n'
    write(tmp_path, text)
    with pytest.raises(InputErrors, match=r"must be a date, such as 2027-01-31|is not TOML"):
        load(str(tmp_path))
