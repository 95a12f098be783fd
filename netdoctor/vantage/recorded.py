"""No vantage at all: a recorded run can be judged again, not asked again."""

from __future__ import annotations

from netdoctor.model import Ref
from netdoctor.vantage.interface import CannotAsk, Vantage


class Recorded:
    """Stands where ``Vantages`` stands; every question beyond the record is refused with its reason."""

    def at(self, ref: Ref) -> Vantage:
        raise CannotAsk("this is a recorded topology: what was not asked then cannot be asked now")

    def changed(self, ref: Ref) -> str | None:
        return None

    def used(self) -> tuple[str, ...]:
        return ()
