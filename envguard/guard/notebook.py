"""``%load_ext envguard_guard``: a notebook, or IPython in a terminal, says that its environment has drifted.

Rules
1. Where all is well it says nothing; ``%envguard`` shows the verdict whatever it is.
2. It is judged when it is loaded and when it is asked, and at no other time.
3. It raises nothing, and stops nothing.
"""

from envguard.guard.files import IS_OLD, native
from envguard.guard.report import mends_of, printable, say, told_of, words_of
from envguard.guard.requiring import judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

    from envguard.guard.verdict import Verdict

_COLOURS = {"compliant": "#2da44e", "drifted": "#cf222e"}
_OTHER_COLOUR = "#bf8700"
_HTML = '<pre style="border-left: 4px solid %s; padding-left: 1em">%s</pre>'
_RESTART = "then   restart this session: what it has imported stays as it was"


def load_ipython_extension(ipython):
    # type: (Any) -> None
    """Add ``%envguard``, and show the verdict unless all is well."""

    def envguard(line):
        # type: (str) -> None
        """Judge this environment now, by the policy of the project or by the one named."""
        _show(ipython, native(line.strip()), ())

    try:
        ipython.register_magic_function(envguard, "line", "envguard")
    except Exception as error:  # noqa: BLE001 - a notebook is worth more than this
        _say_fault(error)
    _show(ipython, "", ("compliant",))


def unload_ipython_extension(ipython):
    # type: (Any) -> None
    """Take ``%envguard`` away."""
    ipython.magics_manager.magics["line"].pop("envguard", None)


def _show(ipython, named, quiet):
    # type: (Any, str, Any) -> None
    """Judge, and show the verdict unless it is one of ``quiet``."""
    try:
        verdict = judge(named or None)
        if verdict.verdict not in quiet:
            text = _banner(verdict)
            html = _HTML % (_COLOURS.get(verdict.verdict, _OTHER_COLOUR), _escaped(text))
            ipython.display_pub.publish(data={"text/plain": _unicode(text), "text/html": _unicode(html)})
    except Exception as error:  # noqa: BLE001 - a notebook is worth more than this
        _say_fault(error)


def _banner(verdict):
    # type: (Verdict) -> str
    mends = mends_of(verdict)
    lines = told_of(verdict)  # type: List[str]
    return printable(lines + ([""] + mends + [_RESTART] if mends else []))


def _escaped(text):
    # type: (str) -> str
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, written)
    return text


def _unicode(text):
    # type: (Any) -> Any
    """A text as IPython takes it: bytes, as Python 2 has texts, are a picture to it."""
    return text.decode("utf-8", "replace") if IS_OLD else text


def _say_fault(error):
    # type: (Exception) -> None
    say(printable(["envguard: no verdict can be shown: %s" % words_of(error)]))
