"""The Rust pattern, for the service of the story: what it was, and what it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.advice import advise
from ctxsize.findings import Finding
from ctxsize.repository import discover
from tests.trees import build_tree, file

BEFORE = b"""\
# syntax=docker/dockerfile:1
FROM rust:1.82-bookworm AS builder
RUN apt-get update && apt-get install -y protobuf-compiler
WORKDIR /app
COPY . .
ENV SQLX_OFFLINE=true
RUN cargo build --release --bin recap-worker

FROM debian:bookworm-slim
COPY --from=builder /app/target/release/recap-worker /usr/local/bin/recap-worker
CMD ["recap-worker"]
"""

AFTER = """\
# syntax=docker/dockerfile:1
FROM rust:1.82-bookworm AS chef
RUN apt-get update && apt-get install -y protobuf-compiler
WORKDIR /app
RUN --mount=type=cache,id=cargo-registry,target=/usr/local/cargo/registry,sharing=locked \\
    --mount=type=cache,id=cargo-git,target=/usr/local/cargo/git,sharing=locked \\
    cargo install cargo-chef --locked

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS builder
ARG TARGETARCH
COPY --from=planner /app/recipe.json recipe.json
RUN --mount=type=cache,id=cargo-registry,target=/usr/local/cargo/registry,sharing=locked \\
    --mount=type=cache,id=cargo-git,target=/usr/local/cargo/git,sharing=locked \\
    --mount=type=cache,id=recap-worker-bookworm-$TARGETARCH-target,target=/app/target \\
    cargo chef cook --release --bin recap-worker --recipe-path recipe.json
COPY . .
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,id=cargo-registry,target=/usr/local/cargo/registry,sharing=locked \\
    --mount=type=cache,id=cargo-git,target=/usr/local/cargo/git,sharing=locked \\
    --mount=type=cache,id=recap-worker-bookworm-$TARGETARCH-target,target=/app/target \\
    cargo build --release --bin recap-worker && \\
    mkdir -p /out && cp target/release/recap-worker /out/

FROM debian:bookworm-slim
COPY --from=builder /out/recap-worker /usr/local/bin/recap-worker
CMD ["recap-worker"]
"""

AGGREGATOR = b"""\
FROM rust:1.82-slim-bookworm AS chef
WORKDIR /app
RUN cargo install cargo-chef --locked
FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json
FROM chef AS builder
COPY --from=planner /app/recipe.json recipe.json
RUN --mount=type=cache,target=/usr/local/cargo/registry \\
    --mount=type=cache,target=/app/target \\
    cargo chef cook --release --recipe-path recipe.json
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \\
    --mount=type=cache,target=/app/target \\
    cargo build --release && cp target/release/rask-log-aggregator /usr/local/bin/
FROM gcr.io/distroless/cc
COPY --from=builder /usr/local/bin/rask-log-aggregator /
"""


def advice(root: Path) -> list[Finding]:
    return list(advise(discover(str(root))).findings)


def test_the_worker_gets_chef_and_caches_of_its_own(tmp_path: Path) -> None:
    path = "recap-worker/Dockerfile.recap-worker"
    root = build_tree(tmp_path / "repository", [file(path, BEFORE), "recap-worker/Cargo.toml"])
    (finding,) = [each for each in advice(root) if each.code == "CTX210"]
    assert finding.location.line == 7
    assert finding.fix is not None
    assert not finding.fix.certain
    assert finding.fix.edits[0].after.decode() == AFTER


def test_nothing_of_rust_is_left_to_say_about_the_result(tmp_path: Path) -> None:
    path = "recap-worker/Dockerfile.recap-worker"
    nodes = [file(path, AFTER.encode()), file("recap-worker/.dockerignore", b"target\n")]
    root = build_tree(tmp_path / "repository", nodes)
    assert [each.code for each in advice(root)] == []


def test_line_ends_stay_what_they_are(tmp_path: Path) -> None:
    crlf = BEFORE.replace(b"\n", b"\r\n")
    root = build_tree(tmp_path / "repository", [file("recap-worker/Dockerfile", crlf)])
    (finding,) = [each for each in advice(root) if each.code == "CTX210"]
    assert finding.fix is not None
    assert finding.fix.edits[0].after.replace(b"\r\n", b"\n").decode() == AFTER
    assert finding.fix.edits[0].after.count(b"\n") == finding.fix.edits[0].after.count(b"\r\n")


def test_two_services_whose_targets_collide_get_ids(tmp_path: Path) -> None:
    worker = AFTER.replace("id=recap-worker-bookworm-$TARGETARCH-target,", "").encode()
    worker = worker.replace(b"rust:1.82-bookworm", b"rust:1.82-alpine")
    nodes = [
        file("aggregator/Dockerfile", AGGREGATOR),
        file("recap-worker/Dockerfile.recap-worker", worker),
    ]
    root = build_tree(tmp_path / "repository", nodes)
    found = [each for each in advice(root) if each.code == "CTX220"]
    assert [each.severity.value for each in found] == ["error", "error"]
    after = b"".join(each.fix.edits[0].after for each in found if each.fix)
    assert after.count(b"target=/app/target,id=aggregator-bookworm-target") == 2
    assert after.count(b"target=/app/target,id=recap-worker-alpine-target") == 2


ASIDE = (
    BEFORE.replace(b"--from=builder", b"--from=0"),
    BEFORE.replace(b" AS builder", b"").replace(b"--from=builder", b"--from=stage-0"),
    BEFORE.replace(b"cargo build", b"cargo build -p a && cargo build"),
    BEFORE.replace(b"RUN cargo", b"RUN cd sub && cargo"),
    BEFORE.replace(b"RUN cargo", b"WORKDIR /app/sub\nRUN cargo"),
    BEFORE.replace(b"target/release/recap-worker", b"target/release"),
    BEFORE.replace(b"target/release/recap-worker", b"target/release/recap*"),
    BEFORE.replace(b"--from=builder /app/target/release/recap-worker", b"entry.sh"),
    BEFORE.replace(b"\nFROM debian", b"RUN strip target/release/x\nFROM debian"),
    BEFORE.replace(
        b"RUN cargo build --release --bin recap-worker", b'RUN ["cargo", "build", "-r"]'
    ),
    BEFORE.replace(b"RUN cargo build", b"RUN if true; then cargo build").replace(
        b"--bin recap-worker\n", b"--bin recap-worker; fi\n"
    ),
    BEFORE.replace(b"--release --bin recap-worker\n", b"--release --target-dir /t\n"),
    BEFORE.replace(b"RUN cargo build", b"RUN <<EOF\ncargo build").replace(
        b"--bin recap-worker\n", b"--bin recap-worker\nEOF\n"
    ),
    BEFORE + b"FROM builder AS dev\n",
    BEFORE.replace(b" AS builder", b" AS chef").replace(b"=builder", b"=chef"),
)


@pytest.mark.parametrize("text", ASIDE)
def test_what_is_not_simple_is_left_alone_and_the_caches_are_shown(
    text: bytes, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", [file("Dockerfile", text), "entry.sh"])
    (finding,) = [each for each in advice(root) if each.code == "CTX210"]
    assert finding.fix is None
    assert "RUN --mount=type=cache,id=" in finding.help
    assert "-$TARGETARCH-target,target=/" in finding.help
    assert "ARG TARGETARCH above" in finding.help


@pytest.mark.parametrize("run", ["RUN x ) && cargo build", "RUN " + "true; \\\n" * 12_000 + " x"])
def test_no_pattern_beside_a_run_that_cannot_be_read(tmp_path: Path, run: str) -> None:
    text = BEFORE.replace(b"ENV SQLX_OFFLINE=true", run.encode())
    nodes = [file("Dockerfile", text), file(".dockerignore", b".git\n"), "Cargo.toml", "Cargo.lock"]
    found = advise(discover(str(build_tree(tmp_path / "r", nodes)))).findings
    assert [each.fix for each in found if each.code == "CTX210"] == [None]


def test_flags_that_are_set_behind_the_sources_are_for_the_cooking_too(tmp_path: Path) -> None:
    text = BEFORE.replace(b"SQLX_OFFLINE=true", b'RUSTFLAGS="-C lto"')
    root = build_tree(tmp_path / "r", [file("Dockerfile", text), file(".dockerignore", b"x\n")])
    (finding,) = [each for each in advice(root) if each.code == "CTX210"]
    assert finding.fix is not None
    after = finding.fix.edits[0].after
    assert b"RUSTFLAGS='-C lto' cargo chef cook --release --bin recap-worker" in after
    (root / "Dockerfile").write_bytes(after)
    assert advice(root) == []
