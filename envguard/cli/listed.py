"""``envguard machine`` and ``envguard package``: one machine, and who has a package."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from envguard.cli.local import server_client
from envguard.cli.options import filled, json_option, verbose_option
from envguard.cli.output import console, now, print_json
from envguard.errors import UsageError

if TYPE_CHECKING:
    import msgspec

    from envguard.domain.package_asked import PackageAsked

csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")


@click.command()
@click.argument("name", metavar="NAME", callback=filled)
@json_option
@csv_option
def machine(name: str, *, as_json: bool, as_csv: bool) -> None:
    """Print how a machine stands: its environments and findings.

    A joined machine is told of itself; of others whoever has a person's token. --csv prints a row for each
    environment.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard machine ws-7
    """
    _refuse_both(as_json=as_json, as_csv=as_csv)
    from envguard.report.listed import MachineDocument, show_machine

    client = server_client()
    standing = next(client.machine_rows(machine=name), None)
    if standing is None:
        hint = "`envguard team -v` tells of all; a joined machine is told of itself alone"
        raise UsageError(f"no machine of this name: {name}", where="NAME", hint=hint)
    environments = tuple(sorted(client.environment_rows(machine=name), key=lambda row: row.environment))
    if as_csv:
        from envguard.wire.lists import EnvironmentRow

        _print_csv(EnvironmentRow, environments)
        return
    findings = tuple(
        sorted(
            client.finding_rows(machine=name),
            key=lambda row: (row.environment, row.severity != "error", row.package or ""),
        )
    )
    document = MachineDocument(machine=standing, environments=environments, findings=findings)
    if as_json:
        print_json(document)
    else:
        show_machine(console(), document, now=now())


@click.command()
@click.argument("spec", metavar="NAME[SPEC]", callback=filled)
@click.option("--version", metavar="SPEC", callback=filled, help="Only these versions, such as '>=2'.")
@click.option(
    "--label",
    "labels",
    metavar="KEY[=VALUE]",
    multiple=True,
    callback=filled,
    help="Only machines with this label; repeatable.",
)
@json_option
@csv_option
@verbose_option
def package(
    spec: str, version: str | None, labels: tuple[str, ...], *, as_json: bool, as_csv: bool, verbose: int
) -> None:
    """Print who has a package, in which version, and where.

    A joined machine is told of itself; of others whoever has a person's token.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard package 'numpy>=2'
    """
    _refuse_both(as_json=as_json, as_csv=as_csv)
    from envguard.report.listed import PackageDocument, show_package

    asked = _asked(spec, version)
    wanted = asked.specifier or None
    rows = tuple(server_client().package_rows(asked.name, version=wanted, labels=labels))
    if as_csv:
        from envguard.wire.lists import PackageRow

        _print_csv(PackageRow, rows)
        return
    document = PackageDocument(package=asked.name, version=wanted, environments=rows)
    if as_json:
        print_json(document)
    else:
        show_package(console(), document, is_verbose=verbose > 0)


def _asked(spec: str, version: str | None) -> PackageAsked:
    from envguard.domain.package_asked import NotAsked, package_asked

    named = package_asked(spec)
    if isinstance(named, NotAsked):
        raise UsageError(f"{named.reason}: {spec}", where="NAME", hint="envguard package 'numpy>=2'")
    if version is None:
        return named
    separator = "," if named.specifier else ""
    both = package_asked(f"{named.name} {named.specifier}{separator}{version}")
    if isinstance(both, NotAsked):
        raise UsageError(f"not versions: {version}", where="--version", hint="--version '>=2'")
    return both


def _refuse_both(*, as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise UsageError("--json and --csv are two forms: which one is meant?")


def _print_csv(kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> None:
    """Print them in UTF-8, whatever the terminal's encoding; the ends of lines are CSV's own."""
    from envguard.report.rows import as_csv

    sys.stdout.flush()
    sys.stdout.buffer.write(as_csv(kind, rows).encode())
