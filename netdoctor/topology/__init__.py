"""Three sources, one Topology: the live engine, compose files, a bundle."""
