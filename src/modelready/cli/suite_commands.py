"""provision and certify: pytest, started deaf to the settings of whoever calls it."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from modelready.suite_calls import suite_command, suite_environment

_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": ["-h", "--help"]}


_OPTIONS = """\
  --catalog PATH      a catalog, or a folder of them; repeatable
  --lock FILE         models.lock.json; default: beside the catalog
  --require GLOB      turn models on by name; repeatable
  --model GLOB        only these models; repeatable
  --only GLOB         only these files of the models; repeatable
  --reread            read every byte again, whatever was remembered
  --budget TIME       to look for blank weights, a model; default: 10s; with
                      --reread they are read whole, however long it takes
  --trust-ledger      trust size and time on file systems that keep them badly
  --strict            what would be a warning fails
  --workflow FILE     a workflow of ComfyUI, whose models must be found; repeatable
  --certificate FILE  write what was checked, and the verdict
  --report KIND=FILE  the same for other programs: junit, ctrf, html, markdown,
                      github, sarif; repeatable; github=- prints annotations
  --notify URL        post a small JSON there when all is done; repeatable
"""

_OF_PROVISION = f"""\b
Options (and all of pytest's: -k, -m, -n, -v, -x, --junit-xml …):
  --jobs N            connections; default: 4
  --no-resume         throw away what earlier downloads left
{_OPTIONS}
\b
Examples:
  modelready provision
  modelready provision -k tts --certificate proof.json
  modelready provision --catalog my.toml --require 'qwen*' --only '*.json'
"""

_OF_CERTIFY = f"""\b
Options (and all of pytest's: -k, -m, -n, -v, -x, --junit-xml …):
{_OPTIONS}
\b
Examples:
  modelready certify
  modelready certify --reread -n 2 --certificate proof.json
  modelready certify --report junit=report.xml --report html=report.html
  modelready certify -k 'tts and not tokenizers'
"""


@click.command(context_settings=_PASSED_ON, epilog=_OF_PROVISION)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def provision(arguments: tuple[str, ...]) -> int:
    """Bring what required models lack, then certify them."""
    return _suite(["--provision", *arguments])


@click.command(context_settings=_PASSED_ON, epilog=_OF_CERTIFY)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def certify(arguments: tuple[str, ...]) -> int:
    """Prove that models are ready to load; reads only, and never touches the network."""
    return _suite(list(arguments))


def _suite(arguments: list[str]) -> int:
    command, environment = suite_command(arguments), suite_environment()
    sys.stdout.flush()
    if os.name == "posix":  # one process: a signal reaches the suite itself, and nothing outlives the command
        os.execve(command[0], command, environment)  # noqa: S606 - our own interpreter
    return subprocess.call(command, env=environment)  # noqa: S603 - our own interpreter
