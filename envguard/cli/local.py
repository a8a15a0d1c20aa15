"""What the commands know of this machine: its state, its name, its policies, its server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from envguard.cli.output import default_machine_name

if TYPE_CHECKING:
    from envguard.client import ServerClient
    from envguard.domain.binding import Machine
    from envguard.domain.policy import KnownPolicy
    from envguard.domain.verdict import Match
    from envguard.state import KeptPolicy, State
    from envguard.state.told import ToldTeam


def local_state() -> State:
    """Answer this user's state directory, made if need be."""
    from envguard.state import open_state, state_directory

    return open_state(state_directory(os.environ))


def existing_state() -> State | None:
    """Answer this user's state directory if there is one: reading makes none. Raises StateError."""
    from envguard.errors import StateError
    from envguard.state import state_directory

    path = state_directory(os.environ)
    try:
        is_there = path.is_dir()
    except OSError as error:  # a home that is closed, as with `sudo -E`
        raise StateError(
            f"the state directory cannot be looked into: {error.strerror or error}",
            where=str(path),
            hint="name a folder of yours: export ENVGUARD_STATE=FOLDER",
        ) from error
    return local_state() if is_there else None


def state_to_read() -> State:
    """Answer this user's state directory; in the usual place it need not be there: nothing is kept then.

    Raises StateError where somebody named a place that does not serve.
    """
    from envguard.state import State, state_directory

    return local_state() if os.environ.get("ENVGUARD_STATE") else State(state_directory(os.environ))


def this_machine() -> Machine:
    """Answer the machine as it joined, or by its host name."""
    from envguard.domain.binding import Machine

    state = existing_state()
    identity = state.identity() if state is not None else None
    if identity is not None:
        return identity.as_machine()
    team = team_told()
    return team.machine if team is not None else Machine(default_machine_name())


def roots_to_look_below() -> list[Path] | None:
    """Answer the folders that this machine's owner named at ``join``; None means the homes."""
    state = existing_state()
    identity = state.identity() if state is not None else None
    return [Path(root) for root in identity.roots] or None if identity is not None else None


def held_policies() -> dict[str, KnownPolicy]:
    """Answer the policies that this machine got from its server: its agent's, and those that were pulled."""
    from envguard.runs.held import parse_kept, parse_pulled

    kept, pulled = kept_policies()
    return {**parse_kept(kept), **parse_pulled(pulled)}


def kept_policies() -> tuple[dict[str, KeptPolicy], dict[str, KeptPolicy]]:
    """Answer the agent's policies and the pulled ones, each by name; none is in both.

    The agent may be another user's, which tells what it has.
    """
    from envguard.runs.held import later_received
    from envguard.state import pulled_folder, read_policies

    kept = _agents_policies()
    pulled = later_received(read_policies(pulled_folder()), kept)
    return {name: each for name, each in kept.items() if name not in pulled}, pulled


def team_told() -> ToldTeam | None:
    """Answer what another user's agent tells of this machine; None where none does, or one's own is here."""
    from envguard.state.told import told_team

    state = existing_state()
    is_own = state is not None and (state.identity() is not None or bool(state.policies()))
    return None if is_own else told_team(os.environ)


def _agents_policies() -> dict[str, KeptPolicy]:
    team, state = team_told(), existing_state()
    if team is not None:
        return dict(team.policies)
    return state.policies() if state is not None else {}


def known_matches() -> dict[str, Match]:
    """Answer what this machine's environments last matched, as its agent remembers it."""
    state = existing_state()
    return state.matches() if state is not None else {}


def server_client() -> ServerClient:
    """Answer the server as this person, or else as this machine, may speak to it."""
    from envguard.client import person_client

    return person_client(os.environ, local_state())


def default_server_state() -> Path:
    """Answer where a server keeps its things when nobody says."""
    from platformdirs import user_state_path

    return user_state_path("envguard-server")
