"""TLS to an engine: whose papers we carry, and, once it has failed, which of them are wrong.

The client's own error names a line of OpenSSL. So a failed connection is made once more here, step by step.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from netdoctor.engine.hosts import TCP_PORT, EngineHost
from netdoctor.errors import EngineUnreachable, NetdoctorError, PermissionRefused, UsageError

PATIENCE = 3.0
"""Seconds for each step of the second look."""
EXPIRED, NOT_YET = 10, 9
NAMES = (62, 64)
"""OpenSSL's verify codes: a certificate's dates; another host's name, another address."""
OURS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE", "DECRYPT_ERROR")
"""In an alert of the engine: it is our certificate, or the lack of one, that it minds."""
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
"""What OpenSSL calls the first bytes of somebody who speaks something else."""
PAPERS = "the folder with ca.pem, cert.pem and key.pem"


@dataclass(frozen=True, slots=True)
class Papers:
    """``ca``: whom we trust (None: whom this machine trusts, or anybody). ``own``: our certificate and its key."""

    ca: Path | None
    own: tuple[Path, Path] | None


def papers(host: EngineHost) -> Papers:
    """As the docker CLI reads the folder: a certificate of ours is sent where there is one. Raises UsageError."""
    assert host.tls is not None
    there = {name: _is_there(host, host.tls / name) for name in ("cert.pem", "key.pem", "ca.pem")}
    needed = [name for name in ("cert.pem", "key.pem") if there["cert.pem"] != there["key.pem"]]
    if host.tls_verify and not host.system_roots:
        needed += ["ca.pem"] if there["ca.pem"] else [name for name in there if name not in needed]
    # A certificate of our own is for the engine to ask for; without an authority nothing is right about the folder.
    missing = [name for name in needed if not there[name]]
    if missing:
        raise UsageError(
            f"TLS is asked for {host.url}, but {host.tls} has no {' and no '.join(missing)}.",
            hint=_give(host),
        )
    return Papers(
        host.tls / "ca.pem" if host.tls_verify and there["ca.pem"] else None,
        (host.tls / "cert.pem", host.tls / "key.pem") if there["cert.pem"] else None,
    )


def _give(host: EngineHost) -> str:
    """How the right files are named."""
    context = host.said_by.removeprefix("context ")
    if context != host.said_by:
        return f"Run: docker context update {context} --docker host={host.url},ca=ca.pem,cert=cert.pem,key=key.pem"
    return f"Set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to {PAPERS}."


def _is_there(host: EngineHost, path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise _unreadable(host, path, error) from error


def sdk_settings(host: EngineHost) -> Any:
    """What the SDK's client is given; False: no TLS. Raises UsageError."""
    if host.tls is None:
        return False
    from docker.tls import TLSConfig

    found = papers(host)
    own = (str(found.own[0]), str(found.own[1])) if found.own else None
    if not host.tls_verify:
        import urllib3

        # Asked for; it would be said on stderr again for each connection, with a line of the library's code.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return TLSConfig(client_cert=own, ca_cert=str(found.ca) if found.ca else None, verify=host.tls_verify)


def explained(host: EngineHost) -> NetdoctorError | None:
    """Why TLS, or the lack of it, kept us from an engine that could not be reached; None: it is not that."""
    if host.scheme not in ("tcp", "http", "https"):
        return None
    named = f"the Docker Engine at {host.url} (from {host.said_by})"
    if host.tls is None and host.scheme != "https":
        if not _speaks_tls(host):
            return None
        return EngineUnreachable(
            f"{_upper(named)} speaks TLS, and was spoken to without.",
            hint=_give(host),
        )
    try:
        carried = papers(host) if host.tls is not None else Papers(None, None)
        return _second_look(host, named, carried)
    except UsageError as error:
        return error


def _second_look(host: EngineHost, named: str, carried: Papers) -> NetdoctorError | None:
    """Raises UsageError for files that are no papers."""
    context = _context(host, carried)
    try:
        with _knock(host) as door, context.wrap_socket(door, server_hostname=_where(host)[0]) as guarded:
            # TLS 1.3 refuses a client's certificate only after our side of the handshake is done.
            with contextlib.suppress(TimeoutError):
                if not guarded.recv(1):
                    return _refused(named, host, carried, "it hangs up on us")
            return None
    except ssl.SSLCertVerificationError as error:
        return _untrusted(named, host, carried, error)
    except ssl.SSLError as error:
        reason = error.reason or ""
        if "ALERT" in reason and any(word in reason for word in OURS):
            return _refused(named, host, carried, _words(error))
        if any(word in reason for word in NO_TLS):
            return EngineUnreachable(
                f"{_upper(named)} does not speak TLS.",
                hint="Name its TLS port (2376 by custom), or unset DOCKER_TLS_VERIFY and DOCKER_TLS.",
            )
        return EngineUnreachable(
            f"No TLS could be agreed with {named}: {_words(error)}.", hint="Try it by hand: docker version"
        )
    except ConnectionResetError:
        return _refused(named, host, carried, "it hangs up on us")
    except (OSError, ValueError):
        # Nobody there, or nobody who answers in time: that is said already.
        return None


def _untrusted(named: str, host: EngineHost, carried: Papers, error: ssl.SSLCertVerificationError) -> EngineUnreachable:
    which = f"The TLS certificate of {named}"
    if error.verify_code in (EXPIRED, NOT_YET):
        dated = "has expired" if error.verify_code == EXPIRED else "is not valid yet"
        return EngineUnreachable(
            f"{which} {dated}.", hint="Renew it where the engine runs (dockerd --tlscert), or set the clock here: date"
        )
    if error.verify_code in NAMES:
        return EngineUnreachable(
            f"{which} is not made for {_where(host)[0]}.",
            hint="Name the engine as its certificate does, or add this address to the certificate's subjectAltName.",
        )
    trusted = str(carried.ca) if carried.ca else "this machine's certificate store"
    return EngineUnreachable(
        f"{which} is by nobody whom {trusted} trusts ({error.verify_message}).",
        hint=f"If it is the right engine, trust who signed it (dockerd --tlscacert). {_give(host)}",
    )


def _refused(named: str, host: EngineHost, carried: Papers, words: str) -> PermissionRefused:
    if carried.own is None:
        absent = f"there is no cert.pem in {host.tls}" if host.tls is not None else "none is given"
        return PermissionRefused(
            f"{_upper(named)} wants a client certificate, and {absent}.",
            hint=_give(host),
        )
    dated = _dates(*carried.own)
    return PermissionRefused(
        f"{_upper(named)} refuses {carried.own[0]}: {dated or words}.",
        hint="Have it signed anew by the authority that the engine trusts (dockerd --tlscacert).",
    )


def _context(host: EngineHost, carried: Papers) -> ssl.SSLContext:
    """Raises UsageError for a file that is not what it should be."""
    context = ssl.create_default_context()
    if not host.tls_verify and host.tls is not None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if carried.ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _read(host, lambda: context.load_verify_locations(carried.ca), carried.ca, carried.ca)
    if carried.own is not None:
        cert, key = carried.own
        _read(host, lambda: context.load_cert_chain(cert, key, password=_no_password), cert, key)
    return context


class _Locked(Exception):
    """The key wants a password."""


def _no_password() -> str:
    # Without this OpenSSL would ask at the terminal, and wait.
    raise _Locked


def _read(host: EngineHost, load: Callable[[], None], first: Path, second: Path) -> None:
    try:
        load()
    except _Locked as error:
        raise UsageError(
            f"{second} is locked with a password.", hint=f"Unlock it: openssl pkey -in {second} -out KEY.pem"
        ) from error
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            raise UsageError(
                f"{second} is not the key of {first}.", hint=f"Both have to be of one client. {_give(host)}"
            ) from error
        wrong = next((path for path in (first, second) if not _is_pem(path)), second)
        raise UsageError(f"{wrong} is no certificate or key in PEM.", hint=_give(host)) from error
    except OSError as error:
        raise _unreadable(host, next((path for path in (first, second) if not _opens(path)), second), error) from error


def _unreadable(host: EngineHost, path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be read: {error.strerror or error}.", hint=_give(host))


def _opens(path: Path) -> bool:
    try:
        path.open("rb").close()
    except OSError:
        return False
    return True


def _is_pem(path: Path) -> bool:
    try:
        return b"-----BEGIN " in path.read_bytes()
    except OSError:
        return False


def _dates(cert: Path, key: Path) -> str:
    """What is wrong with a certificate's dates, in OpenSSL's words; "" nothing.

    An engine need not say why it refuses one. So it is shown to ourselves, who trust it and look at nothing else.
    """
    with contextlib.suppress(ssl.SSLError, OSError, _Locked):
        server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        for each in (server, client):
            each.load_cert_chain(cert, key, password=_no_password)
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(cert)
        server.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = (client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True))
        for _ in range(4):
            for end in ends:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                except ssl.SSLCertVerificationError as error:
                    return error.verify_message if error.verify_code in (EXPIRED, NOT_YET) else ""
    return ""


def _speaks_tls(host: EngineHost) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with _knock(host) as door, context.wrap_socket(door, server_hostname=_where(host)[0]):
            return True
    except ssl.SSLError as error:
        # An alert is TLS too: of TLS 1.2, which wants our certificate before the handshake is done.
        return "ALERT" in (error.reason or "")
    except (OSError, ValueError):
        return False


def _where(host: EngineHost) -> tuple[str, int]:
    parts = urlsplit(host.url)
    return parts.hostname or "localhost", parts.port or {"http": 80, "https": 443}.get(host.scheme, TCP_PORT)


def _knock(host: EngineHost) -> socket.socket:
    return socket.create_connection(_where(host), PATIENCE)


def _words(error: ssl.SSLError) -> str:
    words = (error.reason or "it broke off").lower().replace("_", " ")
    for prefix in ("sslv3 alert ", "tlsv1 alert ", "tlsv13 alert "):
        words = words.removeprefix(prefix)
    return words


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
