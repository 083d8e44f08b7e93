"""Walk with the compiled core."""
