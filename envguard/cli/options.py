"""Options that mean the same in every command."""

from __future__ import annotations

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
verbose_option = click.option("-v", "--verbose", count=True, help="Say more; twice: everything.")
