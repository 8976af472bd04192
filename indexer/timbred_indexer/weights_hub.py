"""The hub that publishes models: what a repository has, and its bytes. Nothing else in timbred uses a network."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

import httpx2
from huggingface_hub import HfApi, close_session, get_session, hf_hub_url, set_client_factory
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import ModelInfo

from timbred_indexer.errors import UnavailableError
from timbred_indexer.weights_local import has_weights, lacking, needed

_CONVERTER: Final = "SFconvertbot"
"""The hub's own account; it offers safetensors to repositories that only have pickled weights."""
_OFFERS: Final = 20
_PATIENCE: Final = 30.0
"""Seconds without a byte, after which a connection counts as cut."""


class InterruptedDownloadError(UnavailableError):
    """The bytes stopped coming. ``final``: the hub has refused them, so that asking again is in vain."""

    code = "download_cut"

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub lists it.

    Attributes:
        name: relative to the root of the repository.
        size: bytes.
        oid: its SHA-256 (64 digits) where the hub stores it apart, as it does large files, else the SHA-1 of its git
            blob (40 digits).
    """

    name: str
    size: int
    oid: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to get: one commit, its licence as published, and the files that a loader needs."""

    repo: str
    revision: str
    license: str | None
    files: tuple[RemoteFile, ...]


@contextmanager
def open_hub(endpoint: str | None, say: Callable[[str], None]) -> Generator[Hub]:
    """A hub to ask, without an account. ``endpoint`` None: what ``HF_ENDPOINT`` says, else huggingface.co."""
    # The library's own client waits for ever.
    set_client_factory(lambda: httpx2.Client(follow_redirects=True, timeout=_PATIENCE))
    try:
        yield Hub(HfApi(endpoint=endpoint and endpoint.rstrip("/"), token=False), say)
    finally:
        close_session()


class Hub:
    """Use :func:`open_hub`. ``say`` is told, in a sentence, what is taken when there was a choice."""

    def __init__(self, api: HfApi, say: Callable[[str], None]) -> None:
        self._api = api
        self._say = say

    def plan(self, repo: str) -> Plan:
        """The newest commit of a repository that timbred can load from.

        Raises:
            UnavailableError: ``hub_unreachable``, or ``no_safetensors``: nothing there may be loaded.
        """
        try:
            info = self._with_safetensors(repo)
        except httpx2.HTTPError as error:
            raise self._unreachable(repo, _why(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreachable(repo, "it does not answer as a hub does") from error
        listed = _files(info)
        if fault := lacking(listed):
            raise UnavailableError(f"{repo} is no whole checkpoint: {fault}", code="no_safetensors")
        files = tuple(listed[name] for name in needed(listed))
        if info.sha is None or not all(file.oid for file in files):
            raise self._unreachable(repo, "it does not list the commit and the hash of every file")
        return Plan(repo, info.sha, _license(info), files)

    def _unreachable(self, repo: str, why: str) -> UnavailableError:
        message = f"The hub {self._api.endpoint} cannot be asked for {repo} ({why}). Nothing was changed."
        return UnavailableError(message, code="hub_unreachable")

    def _with_safetensors(self, repo: str) -> ModelInfo:
        main = self._info(repo, "main")
        if has_weights(_files(main)):
            return main
        if offered := self._offered(repo, main):
            return offered
        raise UnavailableError(
            f"{repo} has no weights in safetensors, neither published nor offered by the hub's converter; pickled ones "
            "are not loaded, for unpickling runs code. Choose another model, or convert it yourself.",
            code="no_safetensors",
        )

    def _offered(self, repo: str, main: ModelInfo) -> ModelInfo | None:
        """A pull request of the hub's converter that adds safetensors and leaves everything else as it is."""
        offers = self._api.get_repo_discussions(repo, author=_CONVERTER, discussion_type="pull_request")
        for offer in islice(offers, _OFFERS):
            if offer.author != _CONVERTER or offer.status not in ("open", "merged") or offer.git_reference is None:
                continue
            info = self._info(repo, offer.git_reference)
            if has_weights(_files(info)) and _same_otherwise(main, info):
                self._say(
                    f"{repo} has only pickled weights on its main branch; taking the same ones in safetensors from its "
                    f"pull request {offer.num}, which the hub's own converter opened."
                )
                return info
        return None

    def _info(self, repo: str, revision: str) -> ModelInfo:
        return self._api.model_info(repo, revision=revision, files_metadata=True, timeout=_PATIENCE)

    @contextmanager
    def bytes_of(self, plan: Plan, file: RemoteFile, start: int) -> Generator[tuple[int, Iterator[bytes]]]:
        """The bytes of a file from ``start`` on, and where they really begin: 0 when the server cannot go on.

        Raises:
            InterruptedDownloadError: now, or later while they are read.
        """
        url = hf_hub_url(plan.repo, file.name, revision=plan.revision, endpoint=self._api.endpoint)
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with get_session().stream("GET", url, headers=headers) as answer:
                answer.raise_for_status()
                goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
                yield start if goes_on else 0, answer.iter_bytes()
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            raise InterruptedDownloadError(_why(error), final=status < 500 and status not in (408, 429)) from error
        except httpx2.HTTPError as error:
            raise InterruptedDownloadError(_why(error), final=False) from error


def _files(info: ModelInfo) -> dict[str, RemoteFile]:
    return {
        one.rfilename: RemoteFile(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else one.blob_id or "")
        for one in info.siblings or ()
    }


def _same_otherwise(main: ModelInfo, offered: ModelInfo) -> bool:
    """Whether the configuration, the tokenizer and the pickled weights are those of the main branch."""
    before, after = _files(main), _files(offered)
    held = {*needed(before), *(name for name in before if name.endswith(".bin"))}
    return all(after.get(name) == before[name] for name in held)


def _license(info: ModelInfo) -> str | None:
    tags = info.tags or ()
    return next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)


def _why(error: httpx2.HTTPError) -> str:
    if isinstance(error, (httpx2.HTTPStatusError, HfHubHTTPError)):
        return f"HTTP status {error.response.status_code}"
    return (str(error) or type(error).__name__).splitlines()[0]
