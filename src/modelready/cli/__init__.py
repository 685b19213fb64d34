"""The command line: `modelready COMMAND`. It calls the engine; no logic lives here."""

from __future__ import annotations

import importlib
import os
import sys

import click

from modelready import __version__
from modelready.errors import ModelreadyError

#: Where each command is written: modules are imported only when their command runs.
_COMMANDS = {
    "provision": ("suite_commands", "bring what required models lack, then certify them"),
    "certify": ("suite_commands", "prove that models are ready to load; reads only, never touches the network"),
    "status": ("looking", "what every model has and lacks"),
    "plan": ("looking", "what provision would fetch; changes nothing"),
    "path": ("looking", "the folder an application is to be given"),
    "doctor": ("doctoring", "tokens, endpoints, variables, disks, locks, versions; downloads nothing"),
    "cleanup": ("cleaning", "delete what downloads left behind"),
    "remove": ("cleaning", "delete a model's files"),
    "adopt": ("adoption", "write the catalog of what is already there"),
    "certificate": ("certificates", "certificate verify FILE: is a certificate still true of this machine"),
    "explain": ("explaining", "what a check or an error means"),
    "lock": ("locks", "write down exactly which files the catalog means today"),
    "serve": ("webserving", "the HTTP API and the page: a queue that lasts, watched and steered"),
    "mirror": ("serving", "serve a folder or a cache as a Hub"),
    "demo": ("demonstrating", "the main job on an embedded Hub with a real model"),
}

_EPILOG = """\b
Examples:
  modelready provision                     bring and certify what ./catalogs requires
  modelready certify --certificate c.json  prove it again, offline, and write the proof
  modelready status --json                 for scripts

\b
Exit status: 0 proved, 1 not proved, 2 interrupted, 3 a bug, 4 the request was wrong, 5 nothing is required.
"""


class _Commands(click.Group):
    """Imports a command's module when the command is called, so that --help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"modelready.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS:
            from modelready.patterns import nearest  # noqa: PLC0415 - only for a mistake

            meant = nearest(args[0], list(_COMMANDS))
            hint = f"did you mean {meant}?" if meant else f"expected one of {', '.join(_COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _COMMANDS.items()])


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="modelready", message="modelready %(version)s")
def modelready() -> None:
    """Put AI model files on this machine, and prove that they are ready to load."""


def main() -> None:
    """Run the command line; a user's mistake costs one line and its own exit status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and give its exit status; without one, say what there is."""
    if arguments:
        return _run(arguments)
    context = click.Context(modelready, info_name="modelready", **modelready.context_settings)
    click.echo(modelready.get_help(context), err=True)
    return 4


def _run(arguments: list[str]) -> int:
    try:
        os.getcwd()  # noqa: PTH109 - whether there is one
    except OSError as error:
        return _complain(f"the working directory cannot be used ({error.strerror}); change to another one", 4)
    try:
        status = modelready.main(arguments, prog_name="modelready", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 2
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _complain(f"{error.format_message()}{_where_help_is(error)}", 4)
    except ModelreadyError as error:
        return _complain(str(error), error.exit_code)
    return status if isinstance(status, int) else 0


def _where_help_is(error: click.ClickException) -> str:
    """Name the help of the command that was called wrongly; where none was, the error names what was meant."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f" See `{context.command_path} --help`." if context and context.parent else ""


def _complain(text: str, status: int) -> int:
    for line in text.splitlines():
        click.echo(f"modelready: {line}", err=True)
    return status
