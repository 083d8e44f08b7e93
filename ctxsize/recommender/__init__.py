"""What an ignore file should hold: evidence, candidates, proof, rank."""

from ctxsize.recommender.codes import CODES

__all__ = ["CODES"]
