"""The way to the server, for the agent and for people's commands."""

from envguard.client.person import person_client
from envguard.client.server import ServerClient

__all__ = ["ServerClient", "person_client"]
