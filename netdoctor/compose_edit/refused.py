"""The one exception of this library: an edit that is not made, with the reason and what to do instead."""

from __future__ import annotations

OVERRIDE = "Leave the file as it is and put the membership into a compose.override.yaml beside it."
REPAIR = "Repair the file so that `docker compose config` accepts it, then try again."
BY_HAND = "Add the network by hand, then check the file with `docker compose config`."


class EditRefused(Exception):
    """The edit was refused and nothing was changed.

    Attributes:
        reason: one sentence saying what in the file (or the request) forbids the edit.
        next_step: one sentence saying what to do instead.
        line: the line of the file the reason is about, counted from 1, or None.
        override_helps: True when the text of `override_for` is a way out.
    """

    def __init__(
        self,
        reason: str,
        next_step: str,
        line: int | None = None,
        *,
        override_helps: bool = False,
    ) -> None:
        where = f"line {line}: " if line is not None else ""
        super().__init__(f"{where}{reason}")
        self.reason = reason
        self.next_step = next_step
        self.line = line
        self.override_helps = override_helps

    def at(self, line: int | None) -> EditRefused:
        """The same refusal, with `line` where it had none."""
        if self.line is not None or line is None:
            return self
        return EditRefused(self.reason, self.next_step, line, override_helps=self.override_helps)


def use_override(reason: str, line: int | None = None) -> EditRefused:
    """A refusal whose way out is an override file."""
    return EditRefused(reason, OVERRIDE, line, override_helps=True)
