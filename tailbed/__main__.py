"""The ``tailbed`` command: runs the command line and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import click

from models.errors import TailbedError
from tailbed.cli import cli

EXIT_ERROR = 1
EXIT_STOPPED = 130

_ASK_AGAIN_S = 0.05


def main() -> None:
    """Run the command line. Exits with 0 on success, 1 on an error, 2 on wrong usage, 130 when stopped."""
    for stop in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(stop, _interrupt)
    sys.unraisablehook = _ask_again
    try:
        sys.exit(cli.main(prog_name="tailbed", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except TailbedError as error:
        click.echo(f"tailbed: {error}", err=True)
        sys.exit(EXIT_ERROR)
    except (click.Abort, KeyboardInterrupt):
        click.echo("tailbed: stopped", err=True)
        sys.exit(EXIT_STOPPED)
    except BrokenPipeError:
        # The reader of our output has gone, as in ``tailbed doctor | head``; there is nobody left to tell.
        sys.stderr.close()
        sys.exit(EXIT_ERROR)
    except OSError as error:
        # A disk that is full, or an output that takes nothing: the user's to mend, like any other bad input.
        click.echo(f"tailbed: {error.filename or 'output'}: {error.strerror}", err=True)
        sys.exit(EXIT_ERROR)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Be stopped by a signal just as by Ctrl-C: in order, keeping what was measured."""
    raise KeyboardInterrupt


def _ask_again(dropped: sys.UnraisableHookArgs) -> None:
    """Be stopped a moment later where Python drops what a signal raises: in a finalizer or a weak reference's callback.

    Without it, a Ctrl-C that comes just then, as it does while modules are imported, stops nothing.
    """
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, _ASK_AGAIN_S)  # not now: what is raised in here is dropped too
    else:
        sys.__unraisablehook__(dropped)


if __name__ == "__main__":
    main()
