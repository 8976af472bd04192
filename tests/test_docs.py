"""The documents are part of the program: what they name exists, and what exists is named."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click
import pytest

import http_reference
from timbred_api.json_schema import input_schema, output_schema
from timbred_api.mcp.tools import TOOLS, Tool
from timbred_api.openapi import document
from timbred_api.operation import Operation
from timbred_api.operations import OPERATIONS
from timbred_daemon.cli import main as cli
from timbred_daemon.config import KEYS
from timbred_daemon.config_values import ASPECT_NAMES, GROUP_NAMES
from timbred_indexer import aspects

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs/reference.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
ASSISTANTS = (ROOT / "docs/assistants.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def command_lines() -> list[str]:
    """Every line of a document's blocks that calls timbred."""
    text = "\n".join(path.read_text("utf-8") for path in DOCUMENTS)
    typed = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    shown = re.findall(r"^\$ (.*)$", "".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL)), re.MULTILINE)
    lines = (line.split(" #")[0].split(" >")[0].removeprefix("sudo ").strip() for line in typed + shown)
    return sorted({line for line in lines if line.startswith("timbred ")})


def spans() -> list[str]:
    """What is said of timbred's commands within sentences and tables."""
    found: set[str] = set()
    for path in DOCUMENTS:
        prose = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
        found |= {" ".join(span.replace("\\|", "|").split()) for span in re.findall(r"`(timbred [^`]+)`", prose)}
    return sorted(found)


def urls() -> list[str]:
    return re.findall(r"'(http://127\.0\.0\.1:8462[^']*)'", README)


def commands(group: click.Group, prefix: str = "timbred") -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        found += commands(command, f"{prefix} {name}") if isinstance(command, click.Group) else [f"{prefix} {name}"]
    return found


def headings(document: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    found = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading.lower())) for heading in found)
    return {heading.replace(" ", "-") for heading in plain}


def leads_somewhere(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    return target.exists() and (not anchor or anchor in headings(target))


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not leads_somewhere(document, link)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_every_script_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"\b(?:benchmarks|tests|systemd|launchd)/[\w./-]*\w", document.read_text("utf-8")))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text("utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"]({path.name})" not in index] == ["README.md"]


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_is_documented(key: str) -> None:
    assert f"| `{key}` |" in REFERENCE


@pytest.mark.parametrize("name", aspects.WEIGHTS)
def test_every_default_weight_is_documented(name: str) -> None:
    assert f"`{name}` {aspects.WEIGHTS[name]:.2f}" in REFERENCE


def test_the_settings_know_every_aspect() -> None:
    assert set(ASPECT_NAMES) == set(aspects.WEIGHTS)
    assert set(GROUP_NAMES) == set(aspects.GROUPS)


@pytest.mark.parametrize("name", [*aspects.GROUPS, *aspects.PRESETS])
def test_every_friendly_name_and_preset_is_documented(name: str) -> None:
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("command", commands(cli))
def test_every_command_is_documented(command: str) -> None:
    *parents, last = command.split(" ")
    assert re.search(rf"`{re.escape(' '.join(parents))} (\w+\\\|)*{last}\b", REFERENCE)


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_every_endpoint_is_documented(operation: Operation) -> None:
    assert f"`{operation.method} {operation.path}" in REFERENCE


def test_the_http_reference_is_what_the_operations_say() -> None:
    assert http_reference.PAGE.read_text("utf-8") == http_reference.page(), "run: python tests/http_reference.py"


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_every_operation_says_what_it_does(operation: Operation) -> None:
    assert len(operation.description) > 20
    fields = operation.parameters.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


SCHEMAS: dict[str, Any] = document()["components"]["schemas"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_of_an_answer_is_explained(name: str) -> None:
    fields = SCHEMAS[name]["properties"].items()
    assert SCHEMAS[name].get("description")
    assert [field for field, said in fields if not said.get("description")] == []


@pytest.mark.parametrize("tool", TOOLS, ids=[tool.name for tool in TOOLS])
def test_every_tool_is_documented_with_what_it_takes(tool: Tool) -> None:
    row = re.search(rf"^\| `{tool.name}` \|.*$", ASSISTANTS, re.MULTILINE)
    assert row is not None
    assert [name for name in input_schema(tool.parameters)["properties"] if f"`{name}`" not in row[0]] == []


@pytest.mark.parametrize("tool", TOOLS, ids=[tool.name for tool in TOOLS])
def test_every_field_of_a_tool_is_explained(tool: Tool) -> None:
    taken = input_schema(tool.parameters)["properties"]
    assert [name for name, field in taken.items() if not field.get("description")] == []
    schema = output_schema(tool.answer)
    shapes = {"the answer": schema, **schema.get("$defs", {})}
    fields = {f"{shape}.{name}": field for shape, made in shapes.items() for name, field in made["properties"].items()}
    bare = [name for name, field in fields.items() if not field.get("description")]
    assert bare + [name for name, made in shapes.items() if "description" not in made] == []


@pytest.mark.parametrize("text", re.findall(r"```json\n(.*?)```", ASSISTANTS + README, re.DOTALL))
def test_every_snippet_for_an_assistant_can_be_pasted(text: str) -> None:
    (servers,) = json.loads(text).values()
    command = servers["timbred"].get("args")
    assert servers["timbred"].get("url", "http://127.0.0.1:8462/mcp") == "http://127.0.0.1:8462/mcp"
    assert command is None or cli.commands[command[0]].make_context("timbred", command[1:]) is not None


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_of_a_document_is_accepted(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.csv").touch()  # what was exported before can be imported
    words = shlex.split(line)[1:]
    command: click.Command = cli
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context("timbred", words, resilient_parsing=False)


@pytest.mark.parametrize("span", spans())
def test_every_option_that_a_document_names_is_one_of_the_command(span: str) -> None:
    words = span.split(" ")[1:]
    command: click.Command = cli
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    named = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(words)))
    assert named <= {spelling for parameter in command.params for spelling in parameter.opts}


@pytest.mark.parametrize("url", urls())
def test_every_address_of_the_readme_is_served(url: str) -> None:
    parts = urlsplit(url)
    served = [operation for operation in OPERATIONS if operation.path == parts.path]
    assert served
    assert {name for name, _ in parse_qsl(parts.query)} <= set(served[0].parameters.model_fields)


@pytest.mark.parametrize("package", ["daemon/timbred_daemon", "api/timbred_api", "indexer/timbred_indexer"])
def test_every_module_has_its_place_in_the_architecture(package: str) -> None:
    modules = [path.stem for path in (ROOT / package).glob("*.py") if not path.stem.startswith("__")]
    assert [name for name in modules if f"`{name}`" not in ARCHITECTURE] == []


def test_every_test_that_the_threat_model_counts_on_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py|test_\w+)`", (ROOT / "THREAT_MODEL.md").read_text("utf-8")))
    written = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    missing = [
        name
        for name in named
        if not ((ROOT / name).exists() if "/" in name else any(f"def {name}(" in text for text in written))
    ]
    assert (len(named) > 15, missing) == (True, [])


def test_every_surface_of_the_threat_model_has_its_test() -> None:
    section = (ROOT / "THREAT_MODEL.md").read_text("utf-8").split("## Surfaces")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert [cells[:2] for cells in rows if len(cells) != 4 or "`test" not in cells[3]] == []
