"""Model -> artifact: exporters, one folder a format, and the artifact with its manifest."""
