"""A repository with three Rust services, as it was before anybody looked at its build contexts.

    python -m tests.story.repository DIRECTORY

makes it anew in an empty directory. One service has a `target/` of 20.2 GB in
41,396 files and no ignore file, one compiles everything again at each change,
and all three fill the disk. Files are sparse and take no room.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

GB = 1_000_000_000
OLD_NS = 1_700_000_000_000_000_000
"""When everything was last written: long enough ago not to be in use."""

CARGO_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file is a cache directory tag created by cargo.\n"
    "# For information about cache directory tags see https://bford.info/cachedir/\n"
)
RUSTC_INFO = '{"rustc_fingerprint":9424944722555581368,"outputs":{},"successes":{}}'

CRATES = (
    *("tokio", "serde", "serde_json", "anyhow", "thiserror", "tracing", "tracing-subscriber"),
    *("axum", "hyper", "tower", "chrono", "uuid", "bytes", "futures", "reqwest", "clap"),
    *("config", "once_cell", "parking_lot", "dashmap", "regex", "base64", "sha2", "rand"),
    *("sqlx", "prometheus", "opentelemetry", "async-trait", "itertools", "url", "http"),
    *("html-escape", "scraper", "unicode-segmentation", "ndarray", "rayon", "lru", "moka"),
    *("backoff", "governor", "schemars", "jsonschema", "validator", "tempfile"),
)


@dataclass(frozen=True)
class Share:
    """A directory below `target/`: how many files are in it, and how much."""

    path: str
    files: int
    content_bytes: int


@dataclass(frozen=True)
class Service:
    """One service, and what its builds left behind."""

    name: str
    crates: int
    shares: tuple[Share, ...]

    @property
    def files(self) -> int:
        """How many files its target directory holds."""
        return sum(share.files for share in self.shares)

    @property
    def content_bytes(self) -> int:
        """How much that is, apparently."""
        return sum(share.content_bytes for share in self.shares)


AGGREGATOR = Service(
    "rask-log-aggregator",
    13,
    (
        Share("", 2, len(CARGO_TAG) + len(RUSTC_INFO)),
        Share("debug", 14, GB // 10 - len(CARGO_TAG) - len(RUSTC_INFO)),
        Share("debug/.fingerprint", 5_200, GB // 20),
        Share("debug/build", 1_650, 19 * GB // 20),
        Share("debug/deps", 21_400, 13 * GB),
        Share("debug/incremental", 9_900, 43 * GB // 10),
        Share("release", 10, GB // 10),
        Share("release/.fingerprint", 820, GB // 50),
        Share("release/build", 400, 18 * GB // 100),
        Share("release/deps", 2_000, 15 * GB // 10),
    ),
)
FORWARDER = Service(
    "rask-log-forwarder",
    24,
    (
        Share("", 2, len(CARGO_TAG) + len(RUSTC_INFO)),
        Share("debug/deps", 700, 3 * GB),
        Share("debug/incremental", 300, GB),
        Share("release/deps", 200, GB // 2),
    ),
)
RECAP_WORKER = Service(
    "recap-worker",
    44,
    (
        Share("", 2, len(CARGO_TAG) + len(RUSTC_INFO)),
        Share("debug/deps", 900, 6 * GB),
        Share("debug/incremental", 400, 2 * GB),
        Share("release/deps", 300, GB),
    ),
)
SERVICES = (AGGREGATOR, FORWARDER, RECAP_WORKER)

_CHEF = """\
FROM rust:1.90-slim AS chef
RUN cargo install cargo-chef --locked
WORKDIR /app

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS builder
COPY --from=planner /app/recipe.json recipe.json
RUN --mount=type=cache,id={name}-registry,target=/usr/local/cargo/registry \\
    --mount=type=cache,id={name}-git,target=/usr/local/cargo/git \\
    --mount=type=cache,id={name}-target,target=/app/target \\
    cargo chef cook --release --recipe-path recipe.json
COPY . .
RUN --mount=type=cache,id={name}-registry,target=/usr/local/cargo/registry \\
    --mount=type=cache,id={name}-git,target=/usr/local/cargo/git \\
    --mount=type=cache,id={name}-target,target=/app/target \\
    cargo build --release && cp target/release/{name} /usr/local/bin/{name}

FROM debian:trixie-slim
COPY --from=builder /usr/local/bin/{name} /usr/local/bin/{name}
CMD ["{name}"]
"""
_PLAIN = """\
FROM rust:1.90-bookworm AS builder
WORKDIR /app
COPY . .
RUN cargo build --release

FROM debian:bookworm-slim
COPY --from=builder /app/target/release/recap-worker /usr/local/bin/recap-worker
CMD ["recap-worker"]
"""
_RECAP_IGNORE = """\
# build output
target/

# editors
.idea/
.vscode/

# not needed in the image
.git/
docs/
*.md
*.log
"""
_COMPOSE = """\
services:
  rask-log-aggregator:
    build: ./rask-log-aggregator
  rask-log-forwarder:
    build:
      context: ./rask-log-forwarder
  recap-worker:
    build:
      context: ./recap-worker
      dockerfile: Dockerfile.recap-worker
"""
_MAKEFILE = "build:\n\tdocker compose build\n"


def build(root: Path, *, targets: bool = True) -> Path:
    """Makes the repository in `root`, which comes back; `targets=False` leaves `target/` out."""
    root.mkdir(parents=True, exist_ok=True)
    _write(root / "compose.yaml", _COMPOSE)
    _write(root / "Makefile", _MAKEFILE)
    _write(root / ".gitignore", "target/\n")
    for service in SERVICES:
        _sources(root / service.name, service)
        if targets:
            _target(root / service.name / "target", service)
    _write(root / "recap-worker" / ".dockerignore", _RECAP_IGNORE)
    return root


def restore(root: Path) -> None:
    """Bring back all that `build` made beside the target directories, and nothing else."""
    for directory in (root, *(root / service.name for service in SERVICES)):
        for each in directory.iterdir():
            if each.is_file():
                each.unlink()
            elif each.name != "target" and directory != root:
                shutil.rmtree(each)
    build(root, targets=False)


def _sources(directory: Path, service: Service) -> None:
    crates = CRATES[: service.crates]
    name = service.name
    manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
    dependencies = "".join(f'{crate} = "1"\n' for crate in crates)
    _write(directory / "Cargo.toml", f"{manifest}\n[dependencies]\n{dependencies}")
    _write(directory / "Cargo.lock", "".join(_lock(service.name, crates)))
    _write(directory / "src" / "main.rs", f'fn main() {{\n    println!("{name}");\n}}\n')
    _write(directory / "docs" / "README.md", f"# {name}\n")
    _write(directory / ".idea" / "workspace.xml", "<project/>\n")
    _write(directory / ".cargo" / "config.toml", "[net]\nretry = 3\n")
    if service is RECAP_WORKER:
        _write(directory / "Dockerfile.recap-worker", _PLAIN)
    else:
        _write(directory / "Dockerfile", _CHEF.format(name=name))


def _lock(name: str, crates: tuple[str, ...]) -> Iterator[str]:
    yield "# This file is automatically @generated by Cargo.\nversion = 4\n"
    registry = "registry+https://github.com/rust-lang/crates.io-index"
    for crate in sorted((*crates, name)):
        if crate == name:
            listed = "".join(f' "{each}",\n' for each in sorted(crates))
            yield f'\n[[package]]\nname = "{name}"\nversion = "0.1.0"\n'
            yield f"dependencies = [\n{listed}]\n"
        else:
            checksum = hashlib.sha256(crate.encode()).hexdigest()
            yield f'\n[[package]]\nname = "{crate}"\nversion = "1.0.0"\n'
            yield f'source = "{registry}"\nchecksum = "{checksum}"\n'


def _target(target: Path, service: Service) -> None:
    """What Cargo left in `target`, as sparse files, last written long ago."""
    _write(target / "CACHEDIR.TAG", CARGO_TAG)
    _write(target / ".rustc_info.json", RUSTC_INFO)
    for share in service.shares:
        if share.path:
            _fill(target / share.path, share, CRATES[: service.crates])
    for directory, _, files in os.walk(target, topdown=False):
        for name in (*files, ""):
            os.utime(f"{directory}/{name}", ns=(OLD_NS, OLD_NS))


def _fill(directory: Path, share: Share, crates: tuple[str, ...]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    each, rest = divmod(share.content_bytes, share.files)
    names = _names(share, crates)
    for number, name in enumerate(names):
        descriptor = os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.ftruncate(descriptor, each + (rest if number == 0 else 0))
        os.close(descriptor)


def _names(share: Share, crates: tuple[str, ...]) -> Iterator[str]:
    endings = (".rlib", ".rmeta", ".d", ".o")
    if share.path in ("debug", "release"):
        yield ".cargo-lock"
    numbered = islice(zip(cycle(crates), cycle(endings), range(share.files)), share.files)
    for crate, ending, number in numbered:
        if number or share.path not in ("debug", "release"):
            yield f"lib{crate}-{number:016x}{ending}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.story.repository DIRECTORY")
    root = build(Path(sys.argv[1]))
    for service in SERVICES:
        print(f"{root / service.name}: {service.files:,} files in target", file=sys.stderr)


if __name__ == "__main__":
    main()
