"""The one context that a listening socket has, through which each connection gets the newest certificate."""

from __future__ import annotations

import ssl

from envguard.errors import EnvguardError
from envguard.log import get_log
from envguard.server.tls.interface import Source

_log = get_log(__name__)


class Serving:
    """Hands the source's certificate to connections, and looks for a newer one when it is told to."""

    def __init__(self, source: Source) -> None:
        """Raises what the source raises: there is nothing to serve with."""
        first = source.newer()
        if first is None:
            raise ValueError("the source's certificate is served elsewhere")
        self.context = first
        """For the socket."""
        self._source = source
        self._newest = first
        self._said: str | None = None
        first.sni_callback = self._choose

    def refresh(self) -> None:
        """Take a newer certificate, for connections from now on; what is wrong with it is logged once."""
        try:
            found = self._source.newer()
        except (EnvguardError, OSError) as error:
            self._say(str(error))
            return
        self._said = None
        if found is not None:
            self._newest = found
            _log.info("certificate_changed")

    def _say(self, reason: str) -> None:
        if reason != self._said:
            _log.warning("certificate_not_changed", reason=reason)
        self._said = reason

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: ssl.SSLContext
    ) -> None:
        """Called once a client said hello, before a certificate is shown; also where it named no host."""
        connection.context = self._newest
