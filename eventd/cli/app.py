"""The table of commands, and how each of them ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from eventd import __version__
from eventd.cli import operating, reading, serving, subscribing
from eventd.cli.terminal import abandon_output, prepare, write_error, write_line
from eventd.errors import EventdError

__all__ = ["app", "main"]

# The convention of shells: 128 and the number of the signal, here SIGINT.
_INTERRUPTED = 130


def _print_help(ctx: typer.Context, _: object, is_wanted: bool) -> None:
    if is_wanted and not ctx.resilient_parsing:
        write_line(ctx.get_help())
        ctx.exit()


def _printing_help(option: Any) -> Any:
    if option is not None:
        option.callback = _print_help
    return option


class _Command(TyperCommand):
    """Writes its help as all output is written: typer's own way knows no error."""

    def get_help_option(self, ctx: Any) -> Any:
        return _printing_help(super().get_help_option(ctx))


class _Group(TyperGroup):
    """Commands below a word of their own; see `_Command`."""

    def get_help_option(self, ctx: Any) -> Any:
        return _printing_help(super().get_help_option(ctx))


class _Commands(_Group):
    """Ends every command alike: a sentence for an error, silence when somebody has had enough."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        # What is asked for by an option alone, such as the version, is written in here.
        with _ended_alike():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override] # typer has its own click
        with _ended_alike():
            return super().invoke(ctx)


@contextmanager
def _ended_alike() -> Iterator[None]:
    try:
        yield
    except (EventdError, KeyboardInterrupt, BrokenPipeError, BaseExceptionGroup) as error:
        raise typer.Exit(_exit_code(_sole(error))) from error


def _sole(error: BaseException) -> BaseException:
    """Return what a task raised, without the groups that task groups put around it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _exit_code(error: BaseException) -> int:
    """Say what there is to say about the end of a command; raises what is a mistake of eventd."""
    match error:
        case EventdError():
            write_error(error.message)
            write_error(error.hint or "", kind="hint")
            return 1
        case KeyboardInterrupt():
            return _INTERRUPTED
        case BrokenPipeError():
            abandon_output()
            return 0
        case _:
            raise error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    # Plain text is read in pipes and logs too, and rich would double the start-up time.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
domain = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Operate one domain, or print its configuration.",
)
subscription = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Create, acknowledge or delete a durable subscription.",
)
app.command(cls=_Command)(serving.run)
app.command(cls=_Command)(serving.demo)
app.command(cls=_Command)(reading.watch)
app.command(cls=_Command)(reading.domains)
app.command(cls=_Command)(reading.connections)
app.command(cls=_Command)(reading.questions)
app.command(cls=_Command)(operating.answer)
app.add_typer(domain, name="domain")
app.command(cls=_Command)(subscribing.subscriptions)
app.add_typer(subscription, name="subscription")
app.command(cls=_Command)(serving.simulate)
app.command(cls=_Command)(serving.check_config)
domain.command(cls=_Command)(operating.start)
domain.command(cls=_Command)(operating.shutdown)
domain.command(cls=_Command)(operating.destroy)
domain.command(cls=_Command)(operating.suspend)
domain.command(cls=_Command)(operating.resume)
domain.command(cls=_Command)(operating.reboot)
domain.command(cls=_Command)(operating.reset)
domain.command(cls=_Command)(reading.config)

subscription.command(cls=_Command)(subscribing.create)
subscription.command(cls=_Command)(subscribing.ack)
subscription.command(cls=_Command)(subscribing.delete)


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    prepare()
    app()


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        write_line(f"eventd {__version__}")
        raise typer.Exit


@app.callback()
def _eventd(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Follow VMware hosts and publish what happens to their domains, and why.

    \b
    See it work, without any host:   eventd demo
    Serve the hosts of a file:       eventd run --config /etc/eventd/eventd.toml
    Watch from another terminal:     eventd watch
    """
