"""Where tools write down which environments there are; each module knows some tools."""

from envguard.inventory.registries import kernels
from envguard.inventory.registries.everywhere import of_machine, of_person, of_prefix
from envguard.inventory.registries.interface import Candidate
from envguard.inventory.registries.processes import Running, candidates_of, running
from envguard.inventory.registries.system import UserSite, interpreters, user_sites

__all__ = [
    "Candidate",
    "Running",
    "UserSite",
    "candidates_of",
    "interpreters",
    "kernels",
    "of_machine",
    "of_person",
    "of_prefix",
    "running",
    "user_sites",
]
