"""One truth: no two commands may contradict each other about any tree of the suite."""
