"""From raw records to figures: percentiles, validity and the cell. Pure functions, no files and no processes."""
