"""``envguard doctor``."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import click

from envguard import __version__
from envguard.cli.local import default_server_state
from envguard.cli.options import database_option, json_option, server_state_option
from envguard.cli.output import now, print_json
from envguard.cli.progress import Waiting


@click.command()
@server_state_option
@database_option
@json_option
def doctor(state: Path | None, database: str | None, *, as_json: bool) -> int:
    """Say what is wrong on this machine, and what to do.

    Looks at this user's state, the agent, the server and the disk; where a server's folder is here, or is
    named, at that too. Nothing is changed.

    Exit code: 0 nothing failed, 1 something failed, 2 wrong usage, 3 it could not look.

    Example: envguard doctor --json
    """
    from envguard.cli.doctor.looking import each_looked
    from envguard.cli.doctor.machine import first_line, looks_at_machine
    from envguard.cli.doctor.network import looks_at_server
    from envguard.cli.doctor.server_host import looks_at_server_host
    from envguard.report.doctor import DoctorDocument, doctor_lines

    looks = {**looks_at_machine(os.environ, now(), first_line), **looks_at_server(os.environ, now)}
    folder = state or default_server_state()
    if state is not None or database is not None or folder.is_dir():
        looks |= looks_at_server_host(folder, database, now())
    with Waiting("looking at this machine and its server"):
        document = DoctorDocument(
            version=__version__,
            python=platform.python_version(),
            platform=platform.platform(),
            checks=tuple(each_looked(looks)),
        )
    if as_json:
        print_json(document)
    else:
        for line in doctor_lines(document):
            click.echo(line)
    return 1 if any(each.level == "fail" for each in document.checks) else 0
