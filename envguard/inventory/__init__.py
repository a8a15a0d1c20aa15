"""From a machine to its environments: what is installed where, told by files and never by running it."""

from envguard.inventory.choose import Choice, choose_environment
from envguard.inventory.discovery.discover import SEARCH_S, scan_machine, scan_paths
from envguard.inventory.environment import read_environment
from envguard.inventory.machine.facts import machine_facts
from envguard.inventory.project import project_of

__all__ = [
    "SEARCH_S",
    "Choice",
    "choose_environment",
    "machine_facts",
    "project_of",
    "read_environment",
    "scan_machine",
    "scan_paths",
]
