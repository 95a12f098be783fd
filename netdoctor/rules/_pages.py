"""The page of each code, in fixed sections: a rule's is its docstring; netdoctor's own errors have theirs here."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass

from netdoctor.rules.registry import RULES

SECTIONS = (
    "What is looked for",
    "Why it breaks",
    "What would prove it wrong",
    "The fix and its safety",
    "References",
)
"""Every page has these, in this order."""

_OWN = {
    "ND901": (
        "no vantage possible",
        """netdoctor can stand inside none of the containers it was asked about.

What is looked for
  A way to open a connection from inside the caller's network: its network namespace (the engine on this machine,
  the right to enter it), a helper container beside it, or a program in its image that `docker exec` can run as
  a relay (python, node, perl, bash, nc).

Why it breaks
  Entering a namespace needs CAP_SYS_ADMIN and an engine whose processes are this machine's. A helper needs an
  image that is on the engine, and netdoctor pulls none by itself. A shell-less image has nothing to run. Where all
  three are missing nothing can be asked, and what was not asked is never called healthy.

What would prove it wrong
  `netdoctor check` says on stderr, for each vantage, why it is not possible here. A reason that does not hold is
  worth a report.

The fix and its safety
  Run it again as root (`sudo "$(command -v netdoctor)" check ...`: sudo alone does not look where pipx and uv
  install), or put the helper's image on the engine: its name is in the reason. A helper has no rights but to send
  packets, mounts nothing, and is gone when netdoctor ends.

References
  https://man7.org/linux/man-pages/man2/setns.2.html
  https://docs.docker.com/engine/network/#container-networks
""",
    ),
    "ND902": (
        "engine unreachable",
        """The Docker Engine does not answer at its address.

What is looked for
  An answer to a ping of the engine's API, at the address that the docker command itself would use: `--host`,
  `--context`, DOCKER_HOST, DOCKER_CONTEXT, the current context, the default socket, in that order.

Why it breaks
  The engine is not running, the address is another machine's or an old one, a variable from another terminal
  still points elsewhere, a certificate has expired, or ssh cannot log in without a question.

What would prove it wrong
  `docker version` with the same variables shows a server.

The fix and its safety
  Start the engine (`systemctl start docker`, or Docker Desktop), or name the right one: `netdoctor --host
  unix:///run/user/1000/docker.sock ...`. Nothing was changed: netdoctor had not begun.

References
  https://docs.docker.com/engine/daemon/start/
  https://docs.docker.com/engine/manage-resources/contexts/
""",
    ),
    "ND903": (
        "permission refused",
        """The engine's socket, or the kernel, says that you may not.

What is looked for
  The error itself: the socket's permissions when netdoctor opens it, the engine's own refusal of a request, or the
  kernel's refusal to enter a network namespace.

Why it breaks
  The engine's socket belongs to root and to one group, usually docker, and group membership counts from the next
  login only. A proxy in front of the socket may allow reading and refuse the rest. Entering a namespace is root's.

What would prove it wrong
  `docker ps` works for the same user in the same terminal: then only the namespace was refused, and another
  vantage can be used.

The fix and its safety
  `sudo usermod -aG docker "$USER"` and log in again, or run netdoctor with sudo. Membership of that group is worth
  as much as root on the machine: give it to people who have that anyway.

References
  https://docs.docker.com/engine/install/linux-postinstall/
  https://docs.docker.com/engine/security/#docker-daemon-attack-surface
""",
    ),
}


@dataclass(frozen=True, slots=True)
class Page:
    """``summary`` is one sentence; ``sections`` are (heading, text), text with its line breaks."""

    code: str
    title: str
    summary: str
    sections: tuple[tuple[str, str], ...]


def page(code: str) -> Page | None:
    """The page of a code (``ND101``, ``nd101`` or ``101``), None when there is no such code."""
    code = canonical(code)
    if code in _OWN:
        title, text = _OWN[code]
        return _parsed(code, title, text)
    if code in RULES:
        # Started with -OO, Python has no docstrings: the title is all there is.
        text = sys.modules[RULES.home(code)].__doc__ or f"{RULES.get(code).title}."
        return _parsed(code, RULES.get(code).title, text)
    return None


def pages() -> tuple[Page, ...]:
    """Every page, in the order of the codes."""
    found = (page(code) for code in sorted({*RULES.names(), *_OWN}))
    return tuple(each for each in found if each is not None)


def nearest(code: str) -> tuple[str, ...]:
    """Codes that may have been meant: alike, else of the same hundred."""
    known = [each.code for each in pages()]
    wanted = canonical(code)
    alike = difflib.get_close_matches(wanted, known, n=len(known), cutoff=0.75)
    # The last digit is the one that is mistyped: who begins alike comes first.
    alike.sort(key=lambda each: -sum(wanted.startswith(each[:length]) for length in range(1, len(each))))
    number = wanted.removeprefix("ND")
    if number.isdigit():
        alike = sorted(
            (each for each in known if each[2] == number[0]), key=lambda each: abs(int(each[2:]) - int(number))
        )
    return tuple(alike[:3])


def canonical(code: str) -> str:
    """``nd101``, ``ND-101`` and ``101`` are ``ND101``."""
    bare = code.strip().upper().removeprefix("ND").removeprefix("-")
    return f"ND{bare}"


def _parsed(code: str, title: str, text: str) -> Page:
    summary, _, rest = text.strip().partition("\n")
    sections: list[tuple[str, list[str]]] = []
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            sections.append((line.strip(), []))
        elif sections:
            sections[-1][1].append(line.removeprefix("  "))
    return Page(code, title, summary.strip(), tuple((head, "\n".join(lines).strip()) for head, lines in sections))
