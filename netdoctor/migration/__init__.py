"""Moves a vector export into Qdrant, through the network of the app that will use it.

One loop (``run``): read, convert, write in batches, verify. Sources are plug-ins (``sources/``), the target is
Qdrant over gRPC or REST, or a local folder (``targets/``); the ledger makes a killed run resume exactly.
"""
