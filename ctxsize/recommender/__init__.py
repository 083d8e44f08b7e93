"""Suggestions for ignore files: evidence, candidates, proof, rank."""
