"""The repository of the story: three Rust services, one of them without an ignore file."""

from __future__ import annotations

from tests.trees import Node, file

GB = 1_000_000_000
CACHEDIR_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This file is a cache directory tag created by cargo.\n"
)
RUSTC_INFO = b'{"rustc_fingerprint":9424944722555581368,"outputs":{},"successes":{}}'
COMPOSE = b"""\
services:
  aggregator:
    build: ./rask-log-aggregator
  forwarder:
    build: ./rask-log-forwarder
  recap-worker:
    build:
      context: ./recap-worker
      dockerfile: Dockerfile.recap-worker
"""
IGNORED = b"target/\n.cargo/\n.git\n.vscode\ndocs\n"

CHEF = """\
FROM rust:1.87-slim-bookworm AS chef
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
    cargo build --release && cp target/release/{name} /usr/local/bin/
FROM gcr.io/distroless/cc-debian12
COPY --from=builder /usr/local/bin/{name} /
"""
WORKER = b"""\
FROM rust:1.87-bookworm AS builder
WORKDIR /app
COPY . .
RUN cargo build --release
FROM debian:bookworm-slim
COPY --from=builder /app/target/release/recap-worker /usr/local/bin/
"""


def service(name: str, crates: int, **target: int) -> list[str | Node]:
    """A service with so many crates, and a `target` of these sizes."""
    members = ", ".join(f'"crates/c{n}"' for n in range(1, crates))
    manifest = (
        f'[package]\nname = "{name}"\nversion = "0.1.0"\n[workspace]\nmembers = [{members}]\n'
    )
    nodes: list[str | Node] = [
        file(f"{name}/Cargo.toml", manifest.encode()),
        file(f"{name}/Cargo.lock", b"version = 4\n"),
        file(f"{name}/src/main.rs", b"fn main() {}\n"),
    ]
    for number in range(1, crates):
        crate = f"{name}/crates/c{number}"
        text = f'[package]\nname = "c{number}"\nversion = "0.1.0"\n'
        nodes += [file(f"{crate}/Cargo.toml", text.encode()), file(f"{crate}/src/lib.rs", b"")]
    if target:
        nodes += [
            file(f"{name}/target/CACHEDIR.TAG", CACHEDIR_TAG),
            file(f"{name}/target/.rustc_info.json", RUSTC_INFO),
        ]
    for place, size in target.items():
        path = place.replace("_", "/")
        nodes.append(file(f"{name}/target/{path}/x.rlib", size_bytes=size))
    return nodes


def story() -> list[str | Node]:
    """The whole repository; the large files are sparse."""
    return [
        file("compose.yaml", COMPOSE),
        *service(
            "rask-log-aggregator",
            13,
            debug_deps=13 * GB,
            debug_incremental=4 * GB + GB // 3,
            release_deps=2 * GB - GB // 5,
        ),
        file("rask-log-aggregator/Dockerfile", CHEF.format(name="rask-log-aggregator").encode()),
        *service("rask-log-forwarder", 24, debug_deps=3 * GB),
        file("rask-log-forwarder/Dockerfile", CHEF.format(name="rask-log-forwarder").encode()),
        file("rask-log-forwarder/.dockerignore", b"target\n"),
        *service("recap-worker", 44, debug_deps=5 * GB),
        file("recap-worker/Dockerfile.recap-worker", WORKER),
        file("recap-worker/.dockerignore", IGNORED),
    ]
