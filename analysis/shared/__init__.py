"""What figures share: style, output, rasters, wiring, trainings."""
