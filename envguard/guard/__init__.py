"""The guard: holds a script to what its environment must be, from inside the interpreter that runs it.

For Python 2.7 and 3.6 up, with the standard library alone. Into environments that have nothing else of ours
it is installed as ``envguard_guard``: the rooms of this package, joined by ``runs.guard_text``. Those that
judge by a compiled policy are a module of their own, which is imported only where nobody else has an answer.
What a fresh verdict needs, Python has imported already; the rest is imported where it is needed.

Rules
1. What was asked in the call itself (``numpy="<2"``) is looked up on this interpreter's ``sys.path``, by the
   names of metadata folders. The first folder that has a package counts, as for an import.
2. A policy's verdict comes from the first of these that has one: the file that the agent keeps of this
   environment, the agent's socket, the ``envguard`` command, the policy that was compiled into the
   environment, which is judged here. So who knows most, and most lately, is asked first.
3. A verdict file is taken only if root or this user wrote it and nobody else can, it is whole, of this boot
   and this environment, not over its end, and each file that it notes is as it was.
4. Whatever says that an environment is compliant knows nothing of this script: that a local file takes the
   import name of an installed package is seen here, each time.
5. What cannot be decided is ``unknown``, and raises unless the caller chose otherwise.
6. No tool that a researcher works with is imported here: pytest and IPython hand themselves over, and a
   tracker counts where the script has imported it.
7. Pre-releases are allowed, and a version that is not PEP 440 meets only ``===``, as in ``domain.versions``.

PYTEST_DONT_REWRITE: what pytest takes as a plugin, it warns of where a script has imported it before.
"""
