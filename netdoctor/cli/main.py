"""The command line's one entrance, and the one place where errors become sentences and exit statuses."""

from __future__ import annotations

import errno
import gc
import importlib
import io
import itertools
import os
import pkgutil
import sys
from typing import Any, NoReturn

import click

from netdoctor.cli import _interrupts
from netdoctor.cli.settings import Settings, given, shared_options
from netdoctor.exits import Exit
from netdoctor.version import __version__

_NOT_VERBS = frozenset({"main", "common", "settings", "plugin", "overview"})
"""Modules of this room that are no commands."""
_MOST = 4000
"""Characters of an error's message."""
_LONGEST = 200
"""Of a path in it."""
_OF_PATHS = frozenset(
    {errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EROFS, errno.ENOSPC}
)


class Verbs(click.Group):
    """Finds the verbs in this folder; a verb's module is imported only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        import netdoctor.cli

        found = (info.name for info in pkgutil.iter_modules(netdoctor.cli.__path__))
        return sorted(name.rstrip("_") for name in found if name not in _NOT_VERBS and not name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in _NOT_VERBS or not name.isidentifier() or name.startswith("_"):
            return None
        try:
            module = importlib.import_module(f"netdoctor.cli.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"netdoctor.cli.{name}":
                raise
            return None
        command: click.Command = module.command
        command.name = name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            import difflib
            import shlex

            from netdoctor.errors import UsageError
            from netdoctor.terminal import plain

            # Two names without a verb are an edge; a word that is nearly a verb is that verb.
            near = (
                [] if len(args) == 2 else difflib.get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=0.75)
            )
            meant = [*near, *args[1:]] if near else ["check", *args]
            words = " ".join(shlex.quote(plain(word)) for word in meant)
            raise UsageError(
                f"{plain(args[0])!r} is no netdoctor command.", hint=f"Did you mean: netdoctor {words}"
            ) from None


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="netdoctor", message="%(prog)s %(version)s")
@shared_options
@click.pass_context
def cli(ctx: click.Context, /, **options: Any) -> None:
    """Find out why one container cannot reach another, fix it, and prove the fix from inside.

    Without a command: an overview of this engine's containers and networks, from inspect alone.
    """
    ctx.obj = Settings(**given(options))
    if ctx.invoked_subcommand is None:
        from netdoctor.cli.overview import overview

        ctx.exit(overview(ctx.obj))


def main(argv: list[str] | None = None) -> NoReturn:
    """Run, and end the process with an exit status of :class:`netdoctor.exits.Exit`."""
    # What is imported lives until the end. Collecting it again and again was a tenth of a short run, and a single time
    # still a twentieth (measured); a check of two containers makes 54,000 objects.
    gc.set_threshold(200_000, 20, 20)
    _ready_streams()
    _interrupts.install()
    try:
        status = run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # one more, while the run was unwound for the first
        status = Exit.INTERRUPTED
    _interrupts.no_more()
    # The interpreter's last collections would look through all of that once more: a tenth of a short run (measured).
    gc.freeze()
    sys.exit(int(status))


def run(argv: list[str]) -> int:
    """Run, and return the exit status; a traceback appears only with NETDOCTOR_DEBUG set.

    Raises nothing but a KeyboardInterrupt that comes while the end is being told.
    """
    try:
        return _run(argv)
    finally:
        used = sys.modules.get("netdoctor.redact")
        if used is not None:
            used.reveal_all()


def _run(argv: list[str]) -> int:
    from netdoctor.errors import NetdoctorError, UsageError

    try:
        if any("\0" in word for word in argv):
            # No shell can say that; a program that calls us can.
            raise UsageError("An argument has a NUL in it, which no name and no path can have.", hint="Leave it out.")
        result = cli.main(args=argv, prog_name="netdoctor", standalone_mode=False)
        return int(result) if isinstance(result, int) else Exit.OK
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        _interrupts.no_more()
        return _fail(argv, "interrupted", "", Exit.INTERRUPTED)
    except click.ClickException as error:
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            hint = f"See: {error.ctx.command_path} --help"
        return _fail(argv, error.format_message(), hint, Exit.USAGE)
    except NetdoctorError as error:
        return _fail(argv, error.message, error.hint, error.status, error.code)
    except BrokenPipeError:
        # Whoever read us went away before anything was known; the flush at exit must not complain either.
        from netdoctor.cli.common import give_up_stdout

        give_up_stdout()
        return Exit.UNKNOWN
    except Exception as error:
        if os.environ.get("NETDOCTOR_DEBUG"):
            raise
        said = _of_a_path(error, argv)
        if said:
            return _fail(argv, said, "Check the path, and whether it may be used.", Exit.USAGE)
        return _fail(
            argv,
            f"netdoctor itself failed: {type(error).__name__}: {error}",
            "Run it again with NETDOCTOR_DEBUG=1 for the details, and please report them.",
            Exit.UNKNOWN,
        )


def _of_a_path(error: Exception, argv: list[str]) -> str:
    """What the kernel says of a path that was typed, where nobody nearer to it had a better word; else ""."""
    if not isinstance(error, OSError) or error.errno not in _OF_PATHS or not isinstance(error.filename, str):
        return ""
    typed = (part for word in argv for part in (word, word.partition("=")[2]) if part)
    if not any(part in error.filename for part in typed):
        return ""
    shown = error.filename if len(error.filename) <= _LONGEST else f"{error.filename[:_LONGEST]}..."
    return f"{shown} cannot be used: {(error.strerror or '').lower()}."


def _fail(argv: list[str], message: str, hint: str, status: Exit, code: str | None = None) -> int:
    from netdoctor.redact import redact_text
    from netdoctor.terminal import plain_block

    # A name of a megabyte is no sentence.
    message, hint = (text if len(text) <= _MOST else f"{text[:_MOST]}..." for text in (message, hint))
    named = f" {code}" if code else ""
    _say(f"netdoctor:{named} {plain_block(redact_text(message))}")
    if hint:
        _say(f"  {plain_block(redact_text(hint))}")
    _report_failure(argv, message, hint, status, code)
    return status


def _report_failure(argv: list[str], message: str, hint: str, status: Exit, code: str | None) -> None:
    """A valid document whatever happens, on stdout and in every file that was asked for.

    A machine format says the error in its own shape; an old report that stays in its place would be read as this
    run's. A format has the last word on stdout only where no file was named for it.
    """
    from netdoctor.formats.interface import FORMATS, Failure

    failure = Failure(message, hint, int(status), code)

    def document(name: str) -> str:
        return FORMATS.get(name).render_error(failure) if name in FORMATS else ""

    for text in _asked(argv, "--report"):
        name, _, path = text.partition("=")
        _leave(document(name), path)
    said = document((_asked(argv, "--format") or ["human"])[-1])
    output = "-" if _keeps_data(argv) else (_asked(argv, "--output", "-o") or ["-"])[-1]
    if output == "-" or not _leave(said, output):
        _leave_on_stdout(said)


def _keeps_data(argv: list[str]) -> bool:
    """``vectors export -o FILE``: the file is what the command makes, not its report. An older one stays as it is."""
    words = [word for word in argv if not word.startswith("-")]
    return any(pair == ("vectors", "export") for pair in itertools.pairwise(words))


def _leave(text: str, path: str) -> bool:
    """Whether the file has it."""
    from netdoctor.files import write_whole

    if not (text and path):
        return False
    try:
        # Whoever would read a pipe has had the time to come.
        write_whole(path, text, patience=0.0)
    except (OSError, ValueError):
        # The sentence on stderr and the exit status are said already; there is nobody left to tell.
        return False
    return True


def _leave_on_stdout(text: str) -> None:
    from netdoctor.cli.common import give_up_stdout

    if not text:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        give_up_stdout()


def _asked(argv: list[str], name: str, short: str = "") -> list[str]:
    """Every value that the option was given. Read by eye: the options may be what is wrong."""
    found = []
    for index, word in enumerate(argv):
        if word == "--":
            break
        if word.startswith(f"{name}="):
            found.append(word.partition("=")[2])
        elif word in (name, short) and index + 1 < len(argv):
            found.append(argv[index + 1])
        elif short and word.startswith(short) and not word.startswith("--") and len(word) > len(short):
            found.append(word.removeprefix(short))
    told = os.environ.get(f"NETDOCTOR_{name.lstrip('-').upper()}", "")
    return found or (told.split() if name == "--report" else [told] if told else [])


def _ready_streams() -> None:
    """Names and answers may hold what the terminal's encoding cannot; a closed stream is one that nobody wants."""
    # In the order of their descriptors, so that none of our sockets becomes a standard stream of a child.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - until we end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        return
