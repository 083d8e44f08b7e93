"""`python -m ctxsize`, and the `ctxsize` command."""

import sys


def main() -> int:
    """Return the exit code of the command line in `sys.argv`."""
    arguments = sys.argv[1:]
    if sys.platform == "win32":
        sys.stderr.write("ctxsize: error: Windows is not supported; run ctxsize in WSL\n")
        return 2
    try:
        if arguments == ["--version"] and _show_version():
            return 0
        import gc

        # A run is short and makes few cycles; collecting them takes a third of its time.
        gc.disable()
        from ctxsize.cli.app import run

        return _leave(run(arguments))
    except KeyboardInterrupt:
        return 130


def _leave(code: int) -> int:
    """Exit without unloading modules, which takes a tenth of a run; all output is written."""
    if sys.getprofile() is None and sys.gettrace() is None:
        import os

        os._exit(code)
    return code


def _show_version() -> bool:
    """Print the version without further imports, and return whether that worked."""
    import os

    from ctxsize.version import version_line

    line = f"{version_line()}\n".encode()
    try:
        # Not into the buffer of stdout, which would keep a line that cannot be written.
        return os.write(sys.stdout.fileno(), line) == len(line)
    except (OSError, AttributeError):
        return False


if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False):
        # `python -m` imports from the working directory first. That is a stranger's context, and
        # its `inspect.py` must not run.
        sys.path[0] = __file__.rpartition("/ctxsize/")[0]
    sys.exit(main())
