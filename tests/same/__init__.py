"""The answers of every command over many trees, kept as text: `make same` shows what a change did."""
