"""C and C++, and Bazel."""

from __future__ import annotations

from ctxsize.recommender.rules import (
    GIT_IGNORED,
    Begins,
    Category,
    Content,
    Form,
    InsideAll,
    Kind,
    Link,
    Rule,
    all_of,
    any_of,
    beside,
    inside,
)

_BUILDS = (
    r"(cmake|g?make|ninja|samu|meson|bazel|bazelisk|b2|scons|xmake|autoreconf|qmake)\b"
    r"|(\S+-)?(gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(-\d+)? |(conan|vcpkg|nmake)\b"
)
_COMPILES = (
    r"(cmake|g?make|ninja|samu|meson|bazel|bazelisk|b2|scons|xmake)\b"
    r"|(\S+-)?(gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(-\d+)? (.* )?-c( |$)"
)
"""Not a compiler that is given the object to link it."""

RULES = (
    Rule(
        "cpp.cmake",
        (),
        Category.ARTEFACT,
        0.96,
        InsideAll(("CMakeCache.txt", "CMakeFiles")),
        why="a build directory of CMake, whose cache names paths of this machine",
        again="cmake -B",
        form=Form.ANCHORED,
        cleanable=True,
        built_by=_BUILDS,
    ),
    Rule(
        "cpp.clion",
        ("cmake-build-*",),
        Category.ARTEFACT,
        0.97,
        inside("CMakeCache.txt"),
        why="a build directory that CLion made",
        again="cmake -B",
        cleanable=True,
        built_by=_BUILDS,
    ),
    Rule(
        "cpp.meson",
        (),
        Category.ARTEFACT,
        0.96,
        InsideAll(("meson-private", "build.ninja")),
        why="a build directory of Meson",
        again="meson setup",
        form=Form.ANCHORED,
        cleanable=True,
        built_by=_BUILDS,
    ),
    Rule(
        "cpp.vcpkg",
        ("vcpkg_installed",),
        Category.DEPS,
        0.95,
        beside("vcpkg.json"),
        why="libraries that vcpkg built",
        again="vcpkg install",
        cleanable=True,
        made_by=r"(cmake|vcpkg|msbuild|xmake)\b",
    ),
    Rule(
        "cpp.conanpresets",
        ("CMakeUserPresets.json",),
        Category.CONFIG,
        0.7,
        Content(r"(?i)conan"),
        why="presets that Conan wrote, with paths of this machine",
        again="conan install",
        kind=Kind.FILE,
        volatile=False,
    ),
    Rule(
        "cpp.objects",
        ("*.o", "*.obj", "*.lo", "*.gch", "*.pch"),
        Category.ARTEFACT,
        0.85,
        Begins(("7f454c46", "cffaedfe", "feedfacf", "6486", "4c01", "67706368", "43504348")),
        why="an object file or a precompiled header",
        again="the compiler",
        kind=Kind.FILE,
        built_by=_BUILDS,
        made_by=_COMPILES,
    ),
    Rule(
        "cpp.ccls",
        (".ccls-cache",),
        Category.CACHE,
        0.95,
        any_of(GIT_IGNORED, beside(".ccls", "compile_commands.json")),
        why="the ccls language server's index",
        again="ccls",
        cleanable=True,
    ),
    Rule(
        "cpp.clangd",
        (".cache/clangd",),
        Category.CACHE,
        0.95,
        inside("index"),
        why="the clangd language server's index",
        again="clangd",
        cleanable=True,
    ),
    Rule(
        "cpp.gcov",
        ("*.gcda", "*.gcno"),
        Category.ARTEFACT,
        0.93,
        Begins(("61646367", "67636461", "6f6e6367", "67636e6f")),
        why="coverage data that gcc wrote",
        again="the tests",
        kind=Kind.FILE,
        cleanable=True,
    ),
    Rule(
        "bazel.links",
        ("/bazel-*",),
        Category.ARTEFACT,
        0.95,
        all_of(Link(), beside("WORKSPACE", "WORKSPACE.bazel", "MODULE.bazel")),
        why="a symlink to Bazel's output on this machine",
        again="bazel build",
        kind=Kind.SYMLINK,
        volatile=False,
    ),
)
