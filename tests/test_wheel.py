"""Wheels built from the sdist: with the core, without a compiler, and an editable install."""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

import hatch_build
import man_pages
from ctxsize.toml import trusted_table
from ctxsize.version import __version__
from hatch_build import LOAD
from tests.oracles.availability import require, require_checkout
from tests.trees import build_tree

ROOT = Path(__file__).parent.parent
CORE = "ctxsize/engine/native/_core.abi3.so"
PARSED = "ctxsize/knowledge/parsed.json"
BESIDE = (
    *("tests/integrations/test_plugins.py", "tests/integrations/test_workflows.py"),
    *("tests/integrations/test_forms.py", "tests/integrations/test_own_image.py"),
    *("tests/test_pages.py", "tests/test_wheel.py::test_sdist_has_every_tracked_file"),
)
"""Tests that read files of a checkout which are not in the package."""
OURS = ("PYTHONPATH", "CC", "CFLAGS", "LDFLAGS")
EDITABLE = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"


def run(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `command` with an environment that holds nothing of this checkout."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in OURS and not name.startswith("CTXSIZE_")
    }
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**kept, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def output(*command: str | Path, cwd: Path, **more: str) -> str:
    """Return what a command prints that must not fail."""
    done = run(*command, cwd=cwd, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("sdist")
    output(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", dist, cwd=ROOT)
    (file,) = dist.iterdir()
    return file


@pytest.fixture
def source(sdist: Path, tmp_path: Path) -> Path:
    """Return the unpacked sdist, with what an older build left in it."""
    with tarfile.open(sdist) as archive:
        members = [m for m in archive.getmembers() if "/tests/" not in m.name]
        archive.extractall(tmp_path / "source", members, filter="data")
    (unpacked,) = (tmp_path / "source").iterdir()
    (unpacked / CORE).write_bytes(b"stale")
    (unpacked / PARSED).write_bytes(b"stale")
    (unpacked / ".gitignore").unlink()
    return unpacked


def build(source: Path, dist: Path, **more: str) -> Path:
    """Build a wheel into `dist` with the backend alone."""
    words = ["-m", "hatchling", "build", "-t", "wheel", "-d", dist]
    output(sys.executable, *words, cwd=source, **more)
    (wheel,) = dist.glob("*.whl")
    return wheel


def build_with_pip(source: Path, dist: Path, **more: str) -> Path:
    """Build a wheel into `dist` without the network."""
    words = ["--no-cache-dir", "--no-index", "--no-deps", "--no-build-isolation"]
    output(sys.executable, "-m", "pip", "wheel", *words, "-w", dist, source, cwd=dist, **more)
    (wheel,) = dist.glob("*.whl")
    return wheel


def install(wheel: Path, at: Path) -> Path:
    """Install `wheel` into a fresh environment, which borrows the dependencies of this one."""
    output(sys.executable, "-m", "venv", "--without-pip", at, cwd=at.parent)
    python = at / "bin" / "python"
    words = ["install", "--no-cache-dir", "--no-index", "--no-deps", str(wheel)]
    output(sys.executable, "-m", "pip", "--python", python, *words, cwd=at.parent)
    (packages,) = at.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    where = output(python, "-c", "import ctxsize; print(ctxsize.__file__)", cwd=at)
    assert Path(where).is_relative_to(at)
    return at / "bin" / "ctxsize"


@pytest.fixture(scope="module")
def native(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel with the core."""
    require("compiler")
    return build_with_pip(sdist, tmp_path_factory.mktemp("native"), CTXSIZE_BUILD_NATIVE="1")


def measured_files(program: Path, context: Path) -> int:
    report = json.loads(output(program, "measure", "--format", "json", context, cwd=context))
    files = report["context"]["files"]
    assert isinstance(files, int)
    return files


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "context", ["Dockerfile", "a/b", "a/c", "d"])


def test_sdist_has_every_tracked_file(request: pytest.FixtureRequest) -> None:
    require_checkout()
    sdist = request.getfixturevalue("sdist")
    listed = run("git", "ls-files", "-z", cwd=ROOT).stdout.split("\0")
    tracked = {name for name in listed if name and os.path.lexists(ROOT / name)}
    assert "pyproject.toml" in tracked
    with tarfile.open(sdist) as archive:
        packed = {each.name.partition("/")[2] for each in archive if not each.isdir()}
    assert tracked - packed == set()


def test_tests_pass_in_the_unpacked_sdist(sdist: Path, tmp_path: Path) -> None:
    """Those that read files beside the package; some ask for a checkout, and are skipped."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    done = run(
        *(sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *BESIDE),
        cwd=unpacked,
        CTXSIZE_ENGINES="recorded",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[100%]" in done.stdout


def test_sdist_has_the_man_pages(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        pages = [each for each in archive.getmembers() if "/man/" in each.name]
        archive.extractall(tmp_path, pages, filter="data")
    held = {path.name: path.read_text() for path in tmp_path.glob("*/man/*")}
    assert held == man_pages.pages()


def test_pages_of_the_sdist_are_installed(source: Path, tmp_path: Path) -> None:
    (source / "man" / "ctxsize.1").write_text("kept")
    wheel = build(source, tmp_path, CTXSIZE_BUILD_NATIVE="0")
    install(wheel, tmp_path / "environment")
    held = tmp_path / "environment/share/man/man1"
    assert {path.name for path in held.iterdir()} == {*man_pages.pages()}
    assert (held / "ctxsize.1").read_text() == "kept"


def test_pure_wheel_of_a_checkout_has_new_pages(source: Path, tmp_path: Path) -> None:
    shutil.rmtree(source / "man")
    wheel = build(source, tmp_path, CTXSIZE_BUILD_NATIVE="0")
    assert wheel.name.endswith("-py3-none-any.whl")  # a pure wheel can be chosen
    assert CORE not in zipfile.ZipFile(wheel).namelist()
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    assert {each.name for each in names if each.parent.name == "man1"} == {*man_pages.pages()}


def test_wheel_is_built_without_pages_if_they_cannot_be_made(source: Path, tmp_path: Path) -> None:
    shutil.rmtree(source / "man")
    (source / "man_pages.py").write_text("raise SystemExit('error: no click')")
    wheel = build(source, tmp_path, CTXSIZE_BUILD_NATIVE="0")
    assert not any("/man" in name for name in zipfile.ZipFile(wheel).namelist())
    command = (sys.executable, "-m", "hatchling", "build", "-t", "sdist")
    done = run(*command, cwd=source)
    assert done.returncode != 0
    assert "no man pages" in done.stderr


def test_wheel_has_the_core(native: Path, tmp_path: Path, context: Path) -> None:
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert native.stem.split("-")[2:] == ["cp310", "abi3", platform]
    names = zipfile.ZipFile(native).namelist()
    assert CORE in names
    assert "ctxsize/py.typed" in names
    assert "ctxsize/formats/json/measure.schema.json" in names
    assert "ctxsize/page/page.js" in names
    assert "ctxsize/knowledge/rules/rust.toml" in names
    assert {Path(name).suffix for name in names if "/engine/" in name} == {".py", ".so"}
    program = install(native, tmp_path / "environment")
    assert output(program, "--version", cwd=tmp_path).endswith(" (compiled core)\n")
    assert measured_files(program, context) == 4


def test_wheel_has_the_parsed_knowledge(native: Path) -> None:
    """It is that of the texts in the wheel, also where an older file lay around."""
    wheel = zipfile.ZipFile(native)
    texts = {
        name.removeprefix("ctxsize/knowledge/"): wheel.read(name).decode()
        for name in wheel.namelist()
        if name.endswith(".toml")
    }
    parsed = json.loads(wheel.read(PARSED))
    assert parsed == {
        name: {"crc32": zlib.crc32(text.encode()), "table": trusted_table(text)}
        for name, text in texts.items()
    }


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("sys.platform", "darwin"),
        ("sys.maxsize", 2**31 - 1),
        ("platform.python_implementation", lambda: "PyPy"),
        ("sysconfig.get_config_var", lambda name: name == "Py_GIL_DISABLED"),
    ],
    ids=["macOS", "32 bits", "PyPy", "free-threaded"],
)
def test_core_is_not_built_where_it_cannot_run(
    where: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, value)
    with pytest.raises(hatch_build.NotBuiltError, match="it needs"):
        hatch_build.check_platform()


def test_core_loads_in_every_interpreter(native: Path, tmp_path: Path) -> None:
    core = zipfile.ZipFile(native).extract(CORE, tmp_path)
    names = [sys.executable, *(f"python3.{minor}" for minor in range(10, 15))]
    pythons = [found for name in names if (found := shutil.which(name))]
    running = [python for python in pythons if not run(python, "-c", "", cwd=tmp_path).returncode]
    for python in running:
        output(python, "-c", LOAD, core, cwd=tmp_path)


def test_wheel_without_a_compiler_is_pure(source: Path, tmp_path: Path, context: Path) -> None:
    wheel = build_with_pip(source, tmp_path, CC="false")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert CORE not in zipfile.ZipFile(wheel).namelist()
    program = install(wheel, tmp_path / "environment")
    assert output(program, "--version", cwd=tmp_path).endswith(" (Python walk)\n")
    assert measured_files(program, context) == 4


def test_required_core_that_does_not_compile_is_an_error(source: Path) -> None:
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
    done = run(*command, cwd=source, CTXSIZE_BUILD_NATIVE="1", CC="nonesuch")
    assert done.returncode != 0
    assert "the core was not compiled: nonesuch: No such file" in done.stderr


def test_editable_install_compiles_beside_the_source(source: Path, tmp_path: Path) -> None:
    require("compiler")
    output(sys.executable, "-c", EDITABLE, tmp_path, cwd=source)
    output(sys.executable, "-c", LOAD, source / CORE, cwd=tmp_path)
    assert "rules/rust.toml" in json.loads((source / PARSED).read_bytes())


def test_editable_install_keeps_only_a_current_core(source: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-c", EDITABLE, tmp_path)
    output(*command, cwd=source, CC="false")
    assert (source / CORE).read_bytes() == b"stale"  # another interpreter may have built it
    os.utime(source / CORE, (0, 0))
    output(*command, cwd=source, CC="false")
    assert not (source / CORE).exists()


ADDRESS = "https://github.example/o/ctxsize"
RELATIVE = re.compile(r"\]\((?!https?://|#)")


def described(wheel: Path) -> str:
    """Return the description that a package index shows."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return str(email.message_from_bytes(archive.read(name)).get_payload())


def helps(wheel: Path, at: Path) -> list[str | None]:
    """Return the `helpUri` of each rule in SARIF of the package in `wheel`."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(at)
    script = "import sys; sys.path.insert(0, sys.argv.pop(1)); from ctxsize.__main__ import main"
    (at / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (at / ".dockerignore").write_text("*.log # a comment\n**/__pycache__\n")
    words = ["-c", f"{script}; main()", at, "lint", "--format", "sarif"]
    done = run(sys.executable, *words, cwd=at)
    rules = json.loads(done.stdout)["runs"][0]["tool"]["driver"]["rules"]
    return [each.get("helpUri") for each in rules]


def test_the_description_has_nothing_dead_without_an_address(source: Path, tmp_path: Path) -> None:
    wheel = build(source, tmp_path, CTXSIZE_BUILD_NATIVE="0")
    text, readme = described(wheel), (source / "README.md").read_text()
    assert text.startswith(readme[:20])
    assert RELATIVE.search(readme)
    assert not RELATIVE.search(text)
    assert "![" not in text
    assert "Next: what will be sent." in text
    assert helps(wheel, tmp_path / "extracted") == [None]


def test_the_description_is_absolute_with_an_address(source: Path, tmp_path: Path) -> None:
    project = source / "pyproject.toml"
    urls = f'[project.urls]\nRepository = "{ADDRESS}/"\n\n[project.scripts]'
    project.write_text(project.read_text().replace("[project.scripts]", urls))
    (source / "PKG-INFO").unlink()  # an sdist keeps its description: this is a checkout
    wheel = build(source, tmp_path, CTXSIZE_BUILD_NATIVE="0")
    text, readme = described(wheel), (source / "README.md").read_text()
    assert not RELATIVE.search(text)
    assert text.count("![") == readme.count("![")
    assert f"({ADDRESS}/raw/v{__version__}/docs/screens/front-door-80x24.svg)" in text
    assert f"[what will be sent]({ADDRESS}/blob/v{__version__}/docs/measure.md)" in text
    places = re.findall(rf"\({re.escape(ADDRESS)}/(?:raw|blob)/v{__version__}/([^)#]+)", text)
    assert len(places) == len(RELATIVE.findall(readme))
    assert all((ROOT / place).exists() for place in places)
    (uri,) = helps(wheel, tmp_path / "extracted")
    assert uri is not None
    start = f"{ADDRESS}/blob/v{__version__}/"
    assert uri.startswith(f"{start}ctxsize/codes/CTX")
    assert (ROOT / uri.removeprefix(start)).is_file()


def test_blocks_of_code_stay_as_they_are() -> None:
    text = "[a](b.md)\n```\n[a](b.md) ![x](y)\n```\n[c](https://d/) [e](#f) ![g](h.svg)\n"
    bare = "a\n```\n[a](b.md) ![x](y)\n```\n[c](https://d/) [e](#f) \n"
    assert hatch_build.description(text, None, "v1") == bare
    full = "[a](A/blob/v1/b.md)\n```\n[a](b.md) ![x](y)\n```\n[c](https://d/) [e](#f) "
    assert hatch_build.description(text, "A", "v1") == full + "![g](A/raw/v1/h.svg)\n"
