"""The kinds of advice on Dockerfiles: what each finds, why it matters, and how it looks mended."""

from __future__ import annotations

from ctxsize.findings import Code, Severity

_COLLISION_BAD = """\
# api/Dockerfile                                # worker/Dockerfile
FROM rust:1.82-slim-bookworm                    FROM rust:1.82-alpine
RUN --mount=type=cache,target=/app/target \\     RUN --mount=type=cache,target=/app/target \\
    cargo build --release                           cargo build --release
"""
_COLLISION_GOOD = """\
RUN --mount=type=cache,id=api-bookworm-target,target=/app/target \\
    cargo build --release
"""

CODES: dict[str, Code] = {
    code.name: code
    for code in (
        Code(
            "CTX201",
            "no-ignore-file",
            Severity.WARNING,
            "The whole context is copied, and no ignore file keeps anything out of it.",
            "`COPY . .` makes BuildKit send everything in the context: artefacts of local builds, "
            "`.git`, caches, files with secrets. Each of them also changes the layer when it "
            "changes. An ignore file keeps them out; `ctxsize suggest --write` writes one.",
            "FROM rust:1.82\nCOPY . .\n",
            "# .dockerignore\ntarget\n.git\n",
        ),
        Code(
            "CTX202",
            "copy-all-before-dependencies",
            Severity.WARNING,
            "The sources are copied before the dependencies are installed.",
            "A layer is built again when one of the files that went into it, or a layer below, "
            "has changed. With all sources below the install, each change of one line of code "
            "installs all dependencies again. Copy the manifest and the lock file first, "
            "install, and copy the rest afterwards. Where the install needs the sources "
            "(scripts of the project, several modules), a cache mount at least keeps what was "
            "downloaded. This is about commands that only install: a compiler runs after each "
            "change anyway, so it is reported here only if a command of its own can download "
            "first (`go mod download`), and else by CTX223. Nothing is reported where a cache "
            "mount holds the downloads.",
            "COPY . .\nRUN npm ci\n",
            "COPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n",
        ),
        Code(
            "CTX210",
            "cargo-rebuilds-dependencies",
            Severity.WARNING,
            "Every change of the sources compiles all crates again.",
            "`cargo build` compiles dependencies and the project in one step, so the layer with "
            "the compiled dependencies is lost with every change of the sources. cargo-chef "
            "compiles them in a layer that depends on nothing but the manifests; cache mounts on "
            "the registry and on `target` keep what was fetched and compiled between builds. "
            "A build that is not simple enough for that is left as it is: the finding shows the "
            "caches that its RUN should have.",
            "FROM rust:1.82\nWORKDIR /app\nCOPY . .\nRUN cargo build --release\n",
            "FROM rust:1.82 AS chef\nWORKDIR /app\nRUN cargo install cargo-chef --locked\n"
            "FROM chef AS planner\nCOPY . .\nRUN cargo chef prepare --recipe-path recipe.json\n"
            "FROM chef AS builder\nCOPY --from=planner /app/recipe.json recipe.json\n"
            "RUN cargo chef cook --release --recipe-path recipe.json\n"
            "COPY . .\nRUN cargo build --release\n",
        ),
        Code(
            "CTX211",
            "chef-cooks-otherwise",
            Severity.WARNING,
            "Cargo-chef compiles the dependencies otherwise than the build needs them.",
            "What `cargo chef cook` compiles is only of use to a `cargo build` in the same "
            "directory, with the same profile, target, features and flags, by the same toolchain. "
            "Where they differ, cargo compiles everything again, and the cooking was for nothing.",
            "RUN cargo chef cook --recipe-path recipe.json\nCOPY . .\nRUN cargo build --release\n",
            "RUN cargo chef cook --release --recipe-path recipe.json\nCOPY . .\n"
            "RUN cargo build --release\n",
        ),
        Code(
            "CTX212",
            "lost-with-the-cache-mount",
            Severity.ERROR,
            "Something is used that was left in a cache mount, where nobody finds it.",
            "A cache mount is there while its RUN runs, and is no part of the image. A later "
            "instruction sees the directory as it was below the mount: empty. Copy what is needed "
            "out of the mount in the same RUN.",
            "RUN --mount=type=cache,target=/app/target cargo build --release\n"
            "FROM debian:bookworm-slim\nCOPY --from=builder /app/target/release/app /usr/bin/\n",
            "RUN --mount=type=cache,target=/app/target \\\n"
            "    cargo build --release && cp target/release/app /usr/bin/\n"
            "FROM debian:bookworm-slim\nCOPY --from=builder /usr/bin/app /usr/bin/\n",
        ),
        Code(
            "CTX220",
            "cache-id-collision",
            Severity.WARNING,
            "Builds for different systems share one cache mount.",
            "The id of a cache mount is its `id=`, or else the cleaned target path, and nothing "
            "more: not the Dockerfile, not the base image, not the platform. All builds of a "
            "builder that use the same id share one directory. Compiled artefacts of another libc "
            "or release are then taken for one's own: `GLIBC_2.xx not found`, or wrong results. "
            "Give each its own id, of service, system and architecture. Caches of mere downloads "
            "(cargo's registry, Go modules, npm) are meant to be shared and are not told.",
            _COLLISION_BAD,
            _COLLISION_GOOD,
        ),
        Code(
            "CTX221",
            "cache-shared-by-writers",
            Severity.WARNING,
            "Builds that run at the same time write to one cache without a lock.",
            "By default (`sharing=shared`) any number of builds use a cache mount at once. apt "
            "takes a lock in its directory and fails when another build has it. Cargo's lock "
            "file lies in CARGO_HOME, outside a mount of `registry` or `git`, so that two builds "
            "unpack the same crate at once. `sharing=locked` makes the second one wait.",
            "RUN --mount=type=cache,target=/var/lib/apt apt-get update\n",
            "RUN --mount=type=cache,target=/var/lib/apt,sharing=locked apt-get update\n",
        ),
        Code(
            "CTX222",
            "cache-not-used",
            Severity.WARNING,
            "There is a cache mount, and the tool keeps its cache elsewhere or none at all.",
            "A cache mount works only where the tool writes: that depends on the user's home, on "
            "variables such as CARGO_HOME or PIP_CACHE_DIR, and on options such as "
            "`--no-cache-dir`. A `~` in a mount stands for no home. Commands such as `npm cache "
            "clean` empty it, and Debian's images delete what apt downloads, until "
            "`/etc/apt/apt.conf.d/docker-clean` is removed.",
            "USER node\nRUN --mount=type=cache,target=/root/.npm npm ci\n",
            "USER node\nRUN --mount=type=cache,target=/home/node/.npm,uid=1000 npm ci\n",
        ),
        Code(
            "CTX223",
            "no-cache-mount",
            Severity.WARNING,
            "Each change of the sources fetches the dependencies again, without a cache mount.",
            "When a layer has to be built again, everything in it is downloaded again. With a "
            "cache mount only what is new is downloaded, and the cache does not become part of "
            "the image. This is reported of a RUN that fetches behind the sources (the context or "
            "a directory of it, copied or mounted): each change of these repeats it. An install "
            "in front of them runs again only when the dependencies change, so it is not "
            "reported. Where the cache is all that there is of what was fetched (Go, cargo, "
            "NuGet, Maven, Gradle), later RUNs that need it must mount it too, and CMD, ENTRYPOINT "
            "and other stages find nothing of it. So no fix adds the mount: paste it where "
            "nothing else needs the downloads. Caches that hold what was compiled get an id of "
            "system and architecture where another build would use them too.",
            "COPY . .\nRUN mvn package\n",
            "COPY . .\n"
            "RUN --mount=type=cache,target=/root/.m2/repository,sharing=locked mvn package\n",
        ),
        Code(
            "CTX250",
            "context-too-wide",
            Severity.INFO,
            "The context is the whole repository, and the Dockerfile takes one directory of it.",
            "All that is not ignored in the context may be sent, and the ignore file has to think "
            "of every other service. A context of just that directory cannot grow by what others "
            "add; a second directory can come in as a named context. Or an ignore file of the "
            "Dockerfile's own lets in nothing else.",
            "build:\n  context: .\n  dockerfile: api/Dockerfile   # COPY api /src\n",
            "build:\n  context: ./api                   # COPY . /src\n",
        ),
    )
}
"""By name. The numbers follow those of the knowledge: DF110 is CTX210."""
