"""The page as files: who gets it, under which policy, and that an unchanged file is not sent twice."""

from __future__ import annotations

import re

import pytest
from face import Face

from timbred_api.page import FRONT, SCRIPT, read_files
from timbred_api.page_script import joined

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = read_files()
SCRIPTS = sorted(name for name in PAGE.files if name.endswith(".js") and name != SCRIPT)
MOST_LINES = 350


async def test_a_browser_gets_the_page_and_curl_a_hint(face: Face) -> None:
    async with face.client.get("/", headers=BROWSER) as page, face.client.get("/", headers={"Accept": "*/*"}) as hint:
        assert (page.content_type, hint.content_type) == ("text/html", "text/plain")
        assert (page.headers["Vary"], hint.headers["Vary"]) == ("Accept", "Accept")
        assert "/v1/similar" in await hint.text()


async def test_nothing_but_the_pages_own_files_runs_in_it(face: Face) -> None:
    async with face.client.get("/", headers=BROWSER) as page:
        policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert (policy["frame-ancestors"], policy["trusted-types"]) == ("'none'", "'none'")
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"


async def test_an_unchanged_front_is_not_sent_twice(face: Face) -> None:
    async with face.client.get("/", headers=BROWSER) as first:
        tag = first.headers["ETag"]
    async with face.client.get("/", headers={**BROWSER, "If-None-Match": tag}) as again:
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", tag)


@pytest.mark.parametrize(
    ("name", "kind"), [("main.js", "text/javascript"), ("base.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
async def test_a_file_has_its_type_and_is_never_asked_for_again(face: Face, name: str, kind: str) -> None:
    async with face.client.get(f"/page/{PAGE.edition}/{name}") as response:
        assert (response.status, response.content_type) == (200, kind)
        assert "immutable" in response.headers["Cache-Control"]


async def test_another_editions_files_are_not_there(face: Face) -> None:
    assert (await face.problem(404, "GET", "/page/0123456789abcdef/main.js"))["code"] == "unknown_route"


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpage.py", "%2Fetc%2Fpasswd", "index.html%00"])
async def test_nothing_else_is_served(face: Face, name: str) -> None:
    problem = await face.problem(404, "GET", f"/page/{PAGE.edition}/{name}")
    assert problem["code"] == "unknown_route"


def test_the_front_loads_every_module_as_one_script() -> None:
    front, script = PAGE.files[FRONT].body.decode(), PAGE.files[SCRIPT].body.decode()
    assert re.findall(rf'src="/page/{PAGE.edition}/([a-z_]+\.js)"', front) == ["theme.js", SCRIPT]
    modules = {name.removesuffix(".js") for name in SCRIPTS} - {"theme"}
    assert set(re.findall(r"^const module_(\w+) =", script, re.MULTILINE)) == modules


def test_a_module_runs_after_those_that_it_imports() -> None:
    script = joined({"main": 'import { a } from "./one.js";\na();', "one": "export const a = () => 1;"}, "main")
    places = [script.index(text) for text in ("const a =", "return { a }", "const { a } = module_one;", "\na();")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./one.js";',
        'import { a as b } from "./one.js";',
        "export default 1;",
        'await import("./one.js");',
    ],
)
def test_a_module_that_could_not_be_joined_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="neither a plain import nor a plain export"):
        joined({"main": line, "one": "export const a = 1;"}, "main")


def test_modules_that_import_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        joined({"main": 'import { a } from "./one.js";', "one": 'import { b } from "./main.js";'}, "main")


def test_the_front_has_no_script_and_no_style_of_its_own() -> None:
    front = PAGE.files[FRONT].body.decode()
    assert re.findall(r"<script>|<style|\sstyle=|\son[a-z]+=|https?://|javascript:", front) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_never_parses_text_as_html_nor_reaches_out(name: str) -> None:
    text = PAGE.files[name].body.decode().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|https?://", text) == []
    assert len(text.splitlines()) <= MOST_LINES
