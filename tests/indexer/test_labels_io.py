"""Lists of labels: every form that is read, what is refused with its line, and what is written."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbred_indexer.errors import RequestError
from timbred_indexer.labels_io import LabelRow, read_rows, write_csv

SHA, MD5 = "ab" * 32, "cd" * 16


@pytest.mark.parametrize(
    "text",
    [
        "path,label\n/s/kick.wav,Kick\n",
        "\ufeffFile;Name\r\n/s/kick.wav;Kick\r\n",
        "Label\tFilePath\tBPM\nKick\t/s/kick.wav\t120\n",
        '[\n{"path": "/s/kick.wav", "label": "Kick"}]',
        '{"path": "/s/kick.wav", "label": "Kick"}\n\n{"path": "/s/x.wav", "label": ""}\n',
        '\n{"path": "/s/kick.wav", "label": "Kick"}\n',
        '{"/s/kick.wav": "Kick"}',
        '{"results": [{"path": "/s/kick.wav", "label": " Kick ", "hash": null}], "next": null}',
    ],
)
def test_every_form_of_list_says_the_same(text: str) -> None:
    rows = list(read_rows(text.encode()))
    assert [(row.path, row.label) for row in rows] == [("/s/kick.wav", "Kick")]


def test_a_row_may_name_its_file_by_the_hash_of_its_bytes() -> None:
    rows = list(read_rows(f"sha256,md5,label\n{SHA},,a\n,{MD5.upper()},b\n".encode()))
    assert rows == [LabelRow(2, "a", hash=bytes.fromhex(SHA)), LabelRow(3, "b", md5=bytes.fromhex(MD5))]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("path,colour\n/a,red\n", 1),
        ("label\nKick\n", 1),
        ("path,label\n/a,b\n/c,d,e\n", 3),
        ("path,label\n,Kick\n", 2),
        ('path,label\n"/a,b\n', 2),
        (f"hash,label\n{SHA[:-2]},b\n", 2),
        ("hash,label\nxyz,b\n", 2),
        ("path,label\n/a," + "x" * 501 + "\n", 2),
        ('[{"path": "/a", "label": 1}]', 1),
        ("[1]", 1),
        ('{"path": "/a", "label": "b"}\nnot json\n', 2),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(RequestError, match=f"Line {line} ") as refused:
        list(read_rows(text.encode()))
    assert refused.value.code == "bad_labels"


@pytest.mark.parametrize("content", [b"path,label\n/a,\xff\n", b"[" * 100_000])
def test_hostile_bytes_are_refused_and_nothing_worse(content: bytes) -> None:
    with pytest.raises(RequestError):
        list(read_rows(content))


def test_an_empty_list_has_no_rows() -> None:
    assert list(read_rows(b"")) == []


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_it_stumble(content: bytes) -> None:
    try:
        rows = list(read_rows(content))
    except RequestError:
        return
    assert all(row.label for row in rows)


@given(st.text(min_size=1, max_size=50).filter(lambda text: text.strip() == text and "\0" not in text))
def test_what_is_written_is_read_again(label: str) -> None:
    item = {"path": '/s/a "b",\n.wav', "uri": "file:///s/a", "hash": SHA, "label": label}
    text = "".join(write_csv([item]))
    assert list(csv.reader(io.StringIO(text, newline="")))[1] == list(item.values())
    (row,) = read_rows(text.encode("utf-8", "surrogatepass")) if label.isprintable() else read_rows(text.encode())
    assert (row.path, row.label) == (item["path"], label)
