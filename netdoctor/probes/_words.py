"""What is said to a server, and what is heard: the nouns of a greeting. One protocol is one ``Opening``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from netdoctor.model.login import Login


@dataclass(frozen=True, slots=True)
class Heard:
    """``said``: what answered, in short. ``demands``: credentials it asks for.

    ``trouble``: why it cannot serve, whoever asks. ``refusal``: why it turns this caller away, and would whatever the
    password. ``remark``: what it said that proves neither. ``needs_tls``: the caller insists on TLS, and there is none.
    ``then``: what to say next; what is heard then counts. ``bye``: how one takes leave here.
    """

    said: str
    demands: str = ""
    trouble: str = ""
    refusal: str = ""
    remark: str = ""
    needs_tls: str = ""
    then: Word | None = None
    bye: bytes = b""

    @property
    def well(self) -> bool:
        return not (self.trouble or self.refusal or self.needs_tls)


Hears = Callable[[bytes], Heard | None]
"""None for bytes that are not (yet) this protocol's answer."""


@dataclass(frozen=True, slots=True)
class Word:
    """``says`` b"": the server speaks first. ``enough``: whether no more needs to be waited for, where that is later
    than the first answer that is understood.

    ``tls``: inside TLS from here on. ``anew``: on a connection of its own. ``otherwise``: what to do when the TLS does
    not come about: another word, or what to make of it.
    """

    says: bytes
    hears: Hears
    enough: Callable[[bytes], bool] | None = None
    tls: bool = False
    anew: bool = False
    otherwise: Word | None = None

    def done(self, raw: bytes) -> bool:
        return self.hears(raw) is not None if self.enough is None else self.enough(raw)


@dataclass(frozen=True, slots=True)
class Opening(Word):
    """The first word. Where one is not enough, ``after`` makes of its answer what to say next, as that caller.

    ``port``: the usual one. ``owner``: the target's variable that names its user, and the user that it has else.
    """

    after: Callable[[Heard, Login], Heard] | None = None
    port: int = 0
    owner: tuple[str, str] = field(default=("", ""))
