"""Ready files that let an existing engine run the workers of one migration: Swarm, Kubernetes."""
