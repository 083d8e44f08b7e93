"""What an ignore file should hold: evidence, candidates, proof, rank."""
