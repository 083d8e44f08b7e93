"""The command line: argv, stdout, colour, progress and exit codes live here and nowhere else."""
