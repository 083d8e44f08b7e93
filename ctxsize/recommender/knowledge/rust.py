"""Rust."""

from __future__ import annotations

from ctxsize.recommender.rules import (
    EXISTS,
    TAGGED,
    Begins,
    Category,
    Content,
    Form,
    Kind,
    OnlyPrograms,
    Rule,
    Twin,
    all_of,
    any_of,
    beside,
    inside,
)

RULES = (
    Rule(
        "rust.target",
        ("target",),
        Category.ARTEFACT,
        0.97,
        any_of(TAGGED, inside(".rustc_info.json"), beside("Cargo.toml")),
        why=(
            "Cargo's build output: it grows with every change of dependencies, and the build "
            "in the image makes its own, which objects linked to this machine's libraries "
            "only confuse"
        ),
        again="cargo build",
        traps=("prebuilt_pipeline",),
        cleanable=True,
    ),
    Rule(
        "rust.renamedtarget",
        (),
        Category.ARTEFACT,
        0.97,
        all_of(TAGGED, inside(".rustc_info.json", "debug", "release")),
        why=(
            "Cargo's build output under another name, as build.target-dir or CARGO_TARGET_DIR "
            "put it"
        ),
        again="cargo build",
        form=Form.ANCHORED,
        traps=("prebuilt_pipeline",),
        cleanable=True,
    ),
    Rule(
        "rust.registry",
        (".cargo/registry", ".cargo/git"),
        Category.CACHE,
        0.95,
        inside("index", "cache", "src", "db", "checkouts"),
        why="crates that Cargo downloaded, with CARGO_HOME inside the project",
        again="cargo fetch",
        cleanable=True,
    ),
    Rule(
        "rust.cargobin",
        (".cargo/bin",),
        Category.CACHE,
        0.9,
        OnlyPrograms(),
        why="programs that cargo install put here, built for this machine",
        again="cargo install",
    ),
    Rule(
        "rust.home",
        (".cargo",),
        Category.CONFIG,
        0.1,
        EXISTS,
        why=(
            "config.toml in it sets targets, flags and registries of the build, so only what "
            "Cargo downloads into it may go"
        ),
        volatile=False,
        form=Form.ANCHORED,
        never=True,
        traps=("tracked_cargo_config",),
    ),
    Rule(
        "rust.backup",
        ("*.rs.bk",),
        Category.ARTEFACT,
        0.95,
        Twin(".bk"),
        why="a file as it was before rustfmt",
        again="cargo fmt",
        kind=Kind.FILE,
    ),
    Rule(
        "rust.crash",
        ("rustc-ice-*.txt",),
        Category.LOG,
        0.95,
        Content(r"(?i)rustc|panicked"),
        why="the report of a crash of the compiler",
        kind=Kind.FILE,
        volatile=False,
    ),
    Rule(
        "rust.mutants",
        ("mutants.out*",),
        Category.ARTEFACT,
        0.9,
        inside("mutants.json", "outcomes.json"),
        why="what cargo-mutants tried",
        again="cargo mutants",
    ),
    Rule(
        "rust.fuzzcorpus",
        ("fuzz/corpus", "fuzz/artifacts"),
        Category.DATA,
        0.5,
        beside("Cargo.toml"),
        why="inputs that the fuzzer collected, which cannot be made again",
        volatile=False,
    ),
    Rule(
        "rust.xwin",
        (".xwin-cache",),
        Category.CACHE,
        0.9,
        inside("dl", "unpack", "splat"),
        why="Windows libraries that xwin downloaded",
        again="xwin",
        volatile=False,
        cleanable=True,
    ),
    Rule(
        "rust.coverage",
        ("*.profraw",),
        Category.ARTEFACT,
        0.95,
        Begins(("8172666f72706cff", "8152666f72706cff")),
        why="coverage counters of one run of a program",
        again="cargo test",
        kind=Kind.FILE,
        cleanable=True,
    ),
    Rule(
        "rust.vendor",
        ("vendor",),
        Category.DEPS,
        0.05,
        all_of(beside("Cargo.toml"), inside("*/Cargo.toml")),
        why="vendored crates are an input of the build",
        volatile=False,
        never=True,
        traps=("vendored",),
    ),
)
