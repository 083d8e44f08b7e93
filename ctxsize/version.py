"""The version, alone so that asking for it costs nothing; `pyproject.toml` says the same."""

__version__ = "0.1.0"
