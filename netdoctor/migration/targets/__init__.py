"""Where vectors go: Qdrant over gRPC, over REST, or in a local folder."""
