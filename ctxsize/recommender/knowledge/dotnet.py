""".NET."""

from __future__ import annotations

from ctxsize.recommender.rules import Category, Form, Rule, all_of, beside, inside

RULES = (
    Rule(
        "dotnet.obj",
        ("obj",),
        Category.ARTEFACT,
        0.95,
        all_of(
            beside("*.csproj", "*.fsproj", "*.vbproj"),
            inside("project.assets.json", "*.nuget.g.props"),
        ),
        why=(
            "intermediate files of a .NET build: project.assets.json names paths of this "
            "machine and misleads dotnet restore in the image"
        ),
        again="dotnet build",
        cleanable=True,
    ),
    Rule(
        "dotnet.bin",
        ("bin",),
        Category.ARTEFACT,
        0.93,
        all_of(beside("*.csproj", "*.fsproj", "*.vbproj"), inside("Debug", "Release")),
        why="output of a .NET build",
        again="dotnet build",
        form=Form.ANCHORED,
        cleanable=True,
        traps=("prebuilt_pipeline",),
    ),
    Rule(
        "dotnet.testresults",
        ("TestResults",),
        Category.ARTEFACT,
        0.93,
        beside("*.sln", "*.slnx", "*.csproj", "Directory.Build.props"),
        why="results of dotnet test",
        again="dotnet test",
        cleanable=True,
    ),
    Rule(
        "dotnet.publish",
        ("publish",),
        Category.ARTEFACT,
        0.5,
        beside("*.sln", "*.slnx", "*.csproj", "Directory.Build.props"),
        why="a published application, which Dockerfiles often copy",
        again="dotnet publish",
        traps=("prebuilt_pipeline",),
    ),
    Rule(
        "dotnet.packages",
        ("packages",),
        Category.DEPS,
        0.5,
        all_of(beside("*.sln", "*.slnx", "*.csproj", "Directory.Build.props"), inside("*/*.nupkg")),
        why="packages that NuGet restored",
        again="nuget restore",
        form=Form.ANCHORED,
    ),
    Rule(
        "dotnet.artifacts",
        ("artifacts",),
        Category.ARTEFACT,
        0.7,
        all_of(
            beside("*.sln", "*.slnx", "*.csproj", "Directory.Build.props"),
            inside("obj", "bin", "publish", "package"),
        ),
        why="the .NET SDK's artefacts layout",
        again="dotnet build",
        form=Form.ANCHORED,
        traps=("prebuilt_pipeline",),
    ),
)
