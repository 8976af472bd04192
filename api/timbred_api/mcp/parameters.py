"""What the tools take: the operations' own parameters, narrowed to what fits an assistant's context window."""

from __future__ import annotations

from pydantic import Field

from timbred_api.schemas import FolderParameters, SimilarParameters, SoundParameters, TextParameters
from timbred_api.schemas_duplicates import DuplicateParameters

MOST_SOUNDS = 50
MOST_GROUPS = 25


class FindSimilar(SimilarParameters):
    k: int = Field(10, ge=1, le=MOST_SOUNDS, description="How many sounds to return.")
    with_aspects: bool = Field(False, description="Also give every aspect's score: long, and rarely needed.")


class FindByWords(TextParameters):
    k: int = Field(10, ge=1, le=MOST_SOUNDS, description="How many sounds to return.")


class FindDuplicates(DuplicateParameters):
    limit: int = Field(10, ge=1, le=MOST_GROUPS, description="How many groups to return.")
    wait: bool = Field(
        False,
        description="Wait, up to five minutes, until everything has been compared; otherwise: what is known now.",
    )


class RescanFolder(FolderParameters):
    path: str | None = Field(
        None, max_length=4096, description="A watched folder or a path in one, absolute; left out: everything."
    )
    wait: bool = Field(
        False, description="Wait, up to five minutes, until what was found is indexed, instead of returning at once."
    )


class NameSound(SoundParameters):
    label: str = Field(max_length=500, description="The new label; an empty one goes back to the file's name.")
