"""What every command answers about many trees, as text: `make same` shows what a change did."""
