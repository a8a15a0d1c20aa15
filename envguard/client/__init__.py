"""The way to the server, for the agent and for people's commands."""

from envguard.client.person import known_trust, person_client
from envguard.client.pinning import fetch_authority, machine_client, trust_in
from envguard.client.server import ServerClient

__all__ = ["ServerClient", "fetch_authority", "known_trust", "machine_client", "person_client", "trust_in"]
