"""What the families share in each framework: sources and layers. A framework is imported only by its own modules."""
