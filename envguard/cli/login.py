"""``envguard login``: a person's token, kept for the commands of this user."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from envguard.cli.local import existing_state
from envguard.cli.options import filled
from envguard.errors import UsageError

if TYPE_CHECKING:
    from envguard.client.trust import Trust

_ASK = "an admin makes one: envguard token new --person NAME --role ROLE"


@click.command()
@click.argument("url", required=False, callback=filled)
@click.option(
    "--fingerprint",
    metavar="SHA256",
    callback=filled,
    help="Of the certificate that signs the server's, as `token new` prints it.",
)
@click.option("--remove", "is_removing", is_flag=True, help="Forget the token that is kept.")
def login(url: str | None, fingerprint: str | None, *, is_removing: bool) -> None:
    """Sign in to a server, for all commands of this user.

    The token is asked for without being shown, or read from standard input; it is never an argument. It is
    kept with the address, in a file that only this user may read. URL is the server that this machine
    joined where nobody names one.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard login https://envguard.example:8750
    """
    if is_removing:
        _forget()
    else:
        _sign_in(url, fingerprint)


def _forget() -> None:
    from envguard.state import forget_login, login_file

    was_there = forget_login()
    click.echo(f"{'removed' if was_there else 'nothing was kept in'} {login_file()}")
    if was_there:
        click.echo("the token itself goes on: envguard token revoke ends it")


def _sign_in(named: str | None, fingerprint: str | None) -> None:
    from envguard.client import ServerClient
    from envguard.client.exchange import checked_token, checked_url
    from envguard.state import Login, keep_login

    url = checked_url(named or _usual_url(), place="URL")
    trust = _trust(url, fingerprint)
    token = checked_token(_token(), place="standard input", hint=_ASK)
    who = ServerClient(url, token=token, trust=trust).who_am_i()
    if who.role == "machine":
        raise UsageError("this is a machine's secret, and no person's token", hint=_ASK)
    file = keep_login(Login(url=url, token=token, authority=trust.authority))
    until = f", until {who.expires_at:%Y-%m-%d}" if who.expires_at is not None else ""
    click.echo(f"signed in to {url} as {who.name}, {who.role}{until}")
    click.echo(f"kept in {file}, for you alone")


def _usual_url() -> str:
    from envguard.state import read_login

    state = existing_state()
    identity = state.identity() if state is not None else None
    kept = None if os.environ.get("ENVGUARD_SERVER") else read_login()
    url = os.environ.get("ENVGUARD_SERVER") or (kept and kept.url) or (identity and identity.url)
    if not url:
        hint = "envguard login https://envguard.example:8750"
        raise UsageError("which server? this machine has joined none", where="URL", hint=hint)
    return str(url)


def _trust(url: str, fingerprint: str | None) -> Trust:
    from envguard.client import fetch_authority, known_trust, trust_in

    if fingerprint is not None:
        return trust_in(fetch_authority(url, fingerprint))
    return known_trust(url, os.environ.get("ENVGUARD_CA"), existing_state())


def _token() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline(1000).strip()
    import getpass

    return getpass.getpass("token: ").strip()
