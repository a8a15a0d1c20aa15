"""``envguard token``: who comes in, people and machines."""

from __future__ import annotations

from typing import cast

import click

from envguard.cli.local import server_client
from envguard.cli.options import filled, json_option, labels, lasting
from envguard.cli.output import console, print_json, tell
from envguard.domain.rights import PERSON_ROLES, PersonRole
from envguard.errors import UsageError


@click.group(no_args_is_help=False)
def token() -> None:
    """Make, list and revoke tokens and join strings."""


@token.command()
@click.option(
    "--person", metavar="NAME", callback=filled, help="A token for this person; else a join string."
)
@click.option("--role", type=click.Choice(PERSON_ROLES), help="What the person may do; with --person.")
@click.option(
    "--expires",
    metavar="SPAN",
    callback=lasting,
    help="How long: 90d, 12h, or seconds.  [default: 7d of a join string, 90d of a person's]",
)
@click.option("--uses", type=click.IntRange(min=1), help="How many machines it lets in.  [default: 1000]")
@click.option(
    "--label",
    "label",
    multiple=True,
    metavar="KEY=VALUE",
    callback=labels,
    help="What the server calls machines that join by it; repeatable.",
)
@click.option("--approve", "needs_approval", is_flag=True, help="They wait for `envguard machines approve`.")
@json_option
def new(
    person: str | None,
    role: str | None,
    expires: int | None,
    uses: int | None,
    label: dict[str, str],
    *,
    needs_approval: bool,
    as_json: bool,
) -> None:
    """Print a fresh join string, or a person's token.

    Needs an admin's token. It is shown this once: the server keeps only its hash.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard token new --person ann --role lead
    """
    is_of_joining = bool(uses or label or needs_approval)
    if (person is None) != (role is None):
        raise UsageError("a person's token needs both", where="--person, --role", hint=_PERSON_HINT)
    if person is not None and is_of_joining:
        what = "they are for join strings, and --person makes another token"
        raise UsageError(what, where="--uses, --label, --approve", hint=_PERSON_HINT)
    if person is not None:
        _new_person_token(person, cast("PersonRole", role), expires, as_json=as_json)
    else:
        _new_join(expires, uses, label, needs_approval=needs_approval, as_json=as_json)


@token.command(name="list")
@json_option
def list_(*, as_json: bool) -> None:
    """List people's tokens and join strings; never a secret.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard token list
    """
    from envguard.report.admitted import show_tokens

    found = server_client().tokens()
    if as_json:
        print_json(found)
    else:
        show_tokens(console(), found)


@token.command()
@click.argument("id_", metavar="[ID]", required=False, callback=filled)
@click.option("--person", metavar="NAME", callback=filled, help="All tokens of this person.")
@json_option
def revoke(id_: str | None, person: str | None, *, as_json: bool) -> None:
    """End a token, or all of a person; sessions end with it.

    Who comes with it is refused from the next request on.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard token revoke --person ann
    """
    from envguard.report.admitted import revoked_lines
    from envguard.wire import RevokeRequest

    if (id_ is None) == (person is None):
        what = "one token by its ID, or all of a person"
        raise UsageError(what, hint="envguard token list; envguard token revoke --person NAME")
    done = server_client().revoke(RevokeRequest(id=id_, person=person))
    if as_json:
        print_json(done)
    else:
        click.echo("\n".join(revoked_lines(done)))


_PERSON_HINT = "envguard token new --person ann --role lead --expires 90d"


def _new_person_token(person: str, role: PersonRole, expires_s: int | None, *, as_json: bool) -> None:
    from envguard.report.admitted import sign_in_line
    from envguard.wire import PersonTokenRequest
    from envguard.wire.tokens import PERSON_EXPIRES_S

    wish = PersonTokenRequest(person=person, role=role, expires_s=expires_s or PERSON_EXPIRES_S)
    made = server_client().new_person_token(wish)
    if as_json:
        print_json(made)
        return
    click.echo(made.token)
    tell(f"for {made.person}, {made.role}, until {made.expires_at:%Y-%m-%d}; it is not shown again")
    tell(f"next: {made.person} signs in with `{sign_in_line(made)}`")


def _new_join(
    expires_s: int | None, uses: int | None, label: dict[str, str], *, needs_approval: bool, as_json: bool
) -> None:
    from envguard.wire import TokenRequest
    from envguard.wire.tokens import JOIN_EXPIRES_S, JOIN_USES

    wish = TokenRequest(
        expires_s=expires_s or JOIN_EXPIRES_S,
        uses=uses or JOIN_USES,
        labels=label,
        needs_approval=needs_approval,
    )
    join = server_client().new_join(wish)
    if as_json:
        from envguard.report.outputs import TokenDocument

        print_json(TokenDocument(join=join))
    else:
        click.echo(join)
