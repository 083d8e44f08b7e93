"""The page of a report: one file of HTML that shows its values and works alone."""
