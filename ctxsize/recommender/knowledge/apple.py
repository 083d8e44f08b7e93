"""Swift and Xcode."""

from __future__ import annotations

from ctxsize.recommender.rules import Category, Rule, all_of, beside, inside

RULES = (
    Rule(
        "swift.build",
        (".build",),
        Category.ARTEFACT,
        0.96,
        beside("Package.swift"),
        why="what the Swift package manager built",
        again="swift build",
        cleanable=True,
    ),
    Rule(
        "swift.state",
        (".swiftpm",),
        Category.CACHE,
        0.85,
        beside("Package.swift"),
        why="the Swift package manager's state; mirrors and registries may be set in it",
    ),
    Rule(
        "apple.derived",
        ("DerivedData",),
        Category.ARTEFACT,
        0.95,
        inside("Build", "ModuleCache.noindex", "info.plist"),
        why="what Xcode built",
        again="xcodebuild",
        cleanable=True,
    ),
    Rule(
        "apple.pods",
        ("Pods",),
        Category.DEPS,
        0.9,
        all_of(beside("Podfile"), inside("Manifest.lock")),
        why="libraries that CocoaPods installed",
        again="pod install",
        cleanable=True,
    ),
    Rule(
        "apple.carthage",
        ("Carthage/Build",),
        Category.ARTEFACT,
        0.9,
        beside("../Cartfile", "Checkouts"),
        why="frameworks that Carthage built",
        again="carthage bootstrap",
        cleanable=True,
    ),
)
