"""Services that let in whoever can reach them: known from image, environment and command, never by trying."""

from __future__ import annotations

from netdoctor.model import Container

_KEYS: dict[str, tuple[str, ...]] = {
    "qdrant": ("QDRANT__SERVICE__API_KEY",),
    "mongo": ("MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_USERNAME_FILE"),
    "elasticsearch": ("ELASTIC_PASSWORD", "ELASTIC_PASSWORD_FILE"),
    "couchdb": ("COUCHDB_PASSWORD",),
    "meilisearch": ("MEILI_MASTER_KEY",),
    "typesense": ("TYPESENSE_API_KEY",),
    "chroma": ("CHROMA_SERVER_AUTHN_CREDENTIALS", "CHROMA_SERVER_AUTHN_CREDENTIALS_FILE"),
}
"""Image's last word to the variables of which one must be set for credentials to be asked."""

_BY_COMMAND = {"redis": "requirepass", "valkey": "requirepass", "memcached": "-S"}
_ALWAYS = {"memcached": "no user list"}


def open_door(container: Container) -> str | None:
    """Why this service is open to whoever reaches it, in a few words; None when that is not known."""
    kind = container.image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    words = " ".join(container.command or ())
    if kind in _KEYS and container.environment is not None and not any(container.env(key) for key in _KEYS[kind]):
        return f"no {_KEYS[kind][0]}"
    if kind in _BY_COMMAND and container.command is not None and _BY_COMMAND[kind] not in words:
        # A configuration file named on the command line may set it: then nothing is known.
        return None if ".conf" in words else _ALWAYS.get(kind, f"no {_BY_COMMAND[kind]}")
    if kind == "postgres" and container.env("POSTGRES_HOST_AUTH_METHOD") == "trust":
        return "POSTGRES_HOST_AUTH_METHOD=trust"
    if kind in ("mysql", "mariadb") and any(container.env(f"{p}_ALLOW_EMPTY_PASSWORD") for p in ("MYSQL", "MARIADB")):
        return "an empty root password is allowed"
    return None
