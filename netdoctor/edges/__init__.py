"""Arguments and containers' own configuration -> the edges to judge."""
