"""The page's modules as one script.

A browser has six connections to one place. Two dozen small files take it five rounds, each with the cost of a request
on both sides; one file takes one. What is written stays modules, and nothing is built before it runs: each module
becomes a function that gives what it exports, called in the order of the imports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter

# The page's modules import and export in one way each; the tests hold them to it.
_IMPORT = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^\s*(?:import|export)\b.*|.*\bimport\s*\(.*", re.MULTILINE)


def joined(modules: Mapping[str, str], main: str) -> str:
    """One module that does what ``main`` does, with all that it imports.

    Args:
        modules: texts by name, without ``.js``.
        main: the name of the first one.

    Raises:
        ValueError: a module imports or exports in a way that is not understood, or imports itself by way of others.
        KeyError: there is no module of a name that is imported.
    """
    order = TopologicalSorter[str]()
    for name in _reached(modules, main):
        order.add(name, *sorted(_imported(modules[name])))
    return "".join(_enclosed(name, modules[name]) for name in order.static_order())


def _reached(modules: Mapping[str, str], main: str) -> Iterator[str]:
    found, waiting = {main}, [main]
    while waiting:
        name = waiting.pop()
        yield name
        new = _imported(modules[name]) - found
        found |= new
        waiting += sorted(new)


def _imported(text: str) -> set[str]:
    return {match[2] for match in _IMPORT.finditer(text)}


def _enclosed(name: str, text: str) -> str:
    exported = [match[1] for match in _EXPORT.finditer(text)]
    body = _EXPORT.sub("", _IMPORT.sub(r"const { \1 } = module_\2;", text))
    if (other := _OTHER.search(body)) is not None:
        raise ValueError(f"{name}.js has a line that is neither a plain import nor a plain export: {other[0]}")
    return f"const module_{name} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"
