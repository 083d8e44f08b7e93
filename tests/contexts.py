"""A few described contexts that the tests of reports and commands share."""

from __future__ import annotations

import os

from tests.trees import COPY_ALL, Node, file, hardlink, link

MB = 1_000_000

CONTEXTS: dict[str, list[str | Node]] = {
    "rust": [
        file("Dockerfile", COPY_ALL),
        file("Cargo.toml", size_bytes=1_200),
        file("src/main.rs", size_bytes=48_000),
        file("src/aggregate/mod.rs", size_bytes=9_000),
        *(file(f"target/debug/deps/lib{n}.rlib", size_bytes=650 * MB) for n in range(20)),
        *(file(f"target/debug/incremental/a{n}.o", size_bytes=430 * MB) for n in range(10)),
        file("target/release/rask-log-aggregator", size_bytes=1_800 * MB),
        link("latest", "target/release"),
    ],
    "node": [
        file("Dockerfile", COPY_ALL),
        file(".dockerignore", b"node_modules\n*.log\n\n# secrets\n.env\n"),
        file("package.json", size_bytes=900),
        file("npm-debug.log", size_bytes=12_000),
        file("src/index.ts", size_bytes=3_000),
        file("src/components/Button.tsx", size_bytes=2_000),
        *(file(f"node_modules/lib{n}/index.js", size_bytes=40_000) for n in range(30)),
        link("node_modules/.bin/tsc", "../lib1/index.js"),
    ],
    "traps": [
        file(".dockerignore", b"node_modules\n!node_modules/keep\n**/node_modules\nfoo/*\n!foo\n"),
        "app.py",
        "foo/bar",
        "node_modules/drop.js",
        "node_modules/keep/deep/f.js",
        hardlink("z-again.py", "app.py"),
    ],
    "names": [
        os.fsdecode(b"latin-\xe9.txt"),
        "new\nline",
        "esc\x1b[31mred",
        'quote".txt',
        "back\\slash",
        " blank ",
        "日本語.txt",
        "right\u202etfel",
    ],
    "app": [
        file(
            "Dockerfile",
            b"FROM node:22 AS build\nARG TARGETARCH\nCOPY bin/$TARGETARCH src /app/\n"
            b"COPY --from=lib *.js /lib/\nFROM scratch\nCOPY --from=build /app /\n"
            b"COPY --from=lib assets /assets/\n",
        ),
        file("src/index.ts", size_bytes=3_000),
        file("bin/amd64/tool", size_bytes=9_000),
        file("bin/arm64/tool", size_bytes=8_000),
        file("lib/.dockerignore", b"node_modules\n"),
        *(file(f"lib/{name}.js", size_bytes=500) for name in ("a", "b")),
        file("lib/assets/logo.svg", size_bytes=40_000),
        file("lib/node_modules/x/index.js", size_bytes=70_000),
    ],
    "hidden": [file(".dockerignore", b"*\n"), "a", "b/c"],
    "empty": [],
}
