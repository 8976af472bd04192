"""Gathers real sounds with labels from Debian packages, to measure on and to learn from.

    python benchmarks/gather.py FOLDER [--domain shots|notes|environment|words]

Needs Debian or a relative of it: ``apt-get`` (packages are downloaded and unpacked, not installed) and, on the PATH,
``dpkg-deb``, ``fluidsynth`` and ``timidity`` for the notes, ``flite`` for some of the voices. Written are, for each
domain, ``FOLDER/DOMAIN/…`` and ``FOLDER/DOMAIN/labels.csv`` (``path,label,group,midi``), for ``retrieval.py`` and
``learn_metric.py``. A group is one source: a package, one drum kit, one General MIDI bank, one voice.

Every package has its own licence, in the copyright file that is unpacked beside its sounds (``FOLDER/packages``).
Nothing of it is part of timbred or redistributed: keep what is gathered to yourself.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av as typed_av
import numpy as np
import soundfile as typed_soundfile
from midi_sounds import PERCUSSION, PROGRAMS, Note, score
from rich.console import Console
from sound_names import ENVIRONMENT, KINDS, label_of

av: Any = typed_av  # their stubs are partial
soundfile: Any = typed_soundfile

AUDIO: Final = (".wav", ".ogg", ".oga", ".flac", ".mp3", ".aif", ".aiff", ".opus", ".gsm")
ARCHIVES: Final = (".zip", ".pk3", ".wz")
OTHERS: Final = (".sf2", ".pat", ".cfg", "sounds.xml")
MOST: Final = 12  # files of one label from one source, so that none outvotes the others
LARGEST: Final = 4 << 20  # bytes: what is larger is music


@dataclass(frozen=True, slots=True)
class Found:
    """One sound to be kept: where it lies now, its label and group, and its pitch if known."""

    source: Path
    label: str
    group: str
    midi: int | None = None


# --- packages


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GAMES: Final = _words(
    "0ad-data asc-data boswars bzflag-data cataclysm-dda-data colobot-common-sounds crawl-tiles-data endless-sky-data "
    "enigma-data extremetuxracer-data fillets-ng-data flare-game freedroidrpg-data frozen-bubble-data gnome-audio "
    "hedgewars-data holotz-castle-data lincity-ng-data lmms-common lomiri-sounds lugaru-data megaglest-data "
    "minetest-data neverball-data nexuiz-data openarena-data opencity-data openclonk-data oxygen-sounds "
    "pingus-data planetblupi-common pokerth-data psi-plus-sounds pysiogame scratch simutrans-data "
    "sound-theme-freedesktop supertux-data supertuxkart-data trigger-rally-data tuxmath-data tuxtype-data "
    "tuxpaint-stamps-default ufoai-sound unknown-horizons warmux-data warzone2100-data wesnoth-1.16-data "
    "widelands-data xmoto-data"
)
BANKS: Final[Mapping[str, str]] = {
    "fluid-soundfont-gm": "FluidR3_GM.sf2",
    "timgm6mb-soundfont": "TimGM6mb.sf2",
    "opl3-soundfont": "*.sf2",
    "csound-soundfont": "*.sf2",
    "freepats": "freepats.cfg",
}
KITS: Final = ("hydrogen-drumkits", "lmms-common")
PROMPTS: Final = _words(
    "asterisk-core-sounds-en-wav asterisk-core-sounds-es-wav asterisk-core-sounds-fr-wav asterisk-core-sounds-it-wav "
    "asterisk-core-sounds-ru-wav asterisk-prompt-it-menardi-wav asterisk-prompt-fr-armelle asterisk-prompt-es-co"
)
VOICES: Final = ("awb", "kal16", "rms", "slt")
DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def unpacked(package: str, folder: Path) -> Path | None:
    """The package's files; None if it cannot be had here."""
    target = folder / package
    if not target.is_dir():
        target.mkdir(parents=True)
        try:
            subprocess.run(["apt-get", "download", package], cwd=target, check=True, capture_output=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(target)
            return None
        for archive in target.glob("*.deb"):
            _unpack(archive, target)
            archive.unlink()
        for archive in [path for path in target.rglob("*") if path.suffix.lower() in ARCHIVES]:
            _extract(archive)
    return target


def _unpack(package: Path, target: Path) -> None:
    """Sounds, banks, tables and copyrights of a package: textures and maps would fill the disk."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as files,
    ):
        for member in files:
            name = member.name.lower()
            if member.isfile() and (name.endswith((*AUDIO, *ARCHIVES, *OTHERS)) or "copyright" in name):
                files.extract(member, target, filter="data")


def _extract(archive: Path) -> None:
    """The sounds of a game's archive, beside it."""
    try:
        with zipfile.ZipFile(archive) as stored:
            for name in stored.namelist():
                if name.lower().endswith(AUDIO) and not name.startswith("/") and ".." not in name:
                    stored.extract(name, archive.with_suffix(".unpacked"))
    except zipfile.BadZipFile:
        return
    archive.unlink()


def audio(root: Path) -> Iterator[Path]:
    """Every sound under the folder that is no music, in order."""
    for path in sorted(root.rglob("*")):
        if re.search(r"music|song|/doc/", str(path.relative_to(root)).lower()):
            continue
        if path.suffix.lower() in AUDIO and path.is_file() and path.stat().st_size <= LARGEST:
            yield path


# --- domains


def environment(packages: Path) -> Iterator[Found]:
    """The sounds of games and desktops whose file names say what they are."""
    for package in GAMES:
        root = unpacked(package, packages)
        for path in audio(root) if root else ():
            label = label_of(path.relative_to(root or path), ENVIRONMENT)
            if label:
                yield Found(path, label, package)


def shots(packages: Path) -> Iterator[Found]:
    """Drum kits of Hydrogen and LMMS by their file names, and the percussion of General MIDI banks."""
    for package in KITS:
        root = unpacked(package, packages)
        for path in audio(root) if root else ():
            kit = path.parent.name
            if package == "lmms-common" and kit != "drums":
                continue
            label = label_of(Path(path.name), KINDS)
            if label:
                yield Found(path, label, f"{package}/{kit}")
    notes = [Note(9, 0, key, velocity, kind) for key, kind in PERCUSSION.items() for velocity in (60, 90, 120)]
    yield from _played(packages, notes, "percussion")


def notes(packages: Path) -> Iterator[Found]:
    """Instruments of General MIDI banks, five notes each, soft and loud in turn."""
    played = [
        Note(0, program, low + 5 * step, 64 + 48 * (step % 2), label)
        for label, (program, low) in PROGRAMS.items()
        for step in range(5)
    ]
    yield from _played(packages, played, "notes")


def _played(packages: Path, wanted: Sequence[Note], name: str) -> Iterator[Found]:
    for package, pattern in BANKS.items():
        root = unpacked(package, packages)
        bank = next(iter(sorted(root.rglob(pattern))), None) if root else None
        if root is None or bank is None:
            continue
        folder = packages / "rendered" / package / name
        if not folder.is_dir():
            folder.mkdir(parents=True)
            _render(root, bank, wanted, folder)
        for place, note in enumerate(wanted):  # what the bank lacks was not written
            path = folder / f"{place:04}.flac"
            if path.is_file():
                yield Found(path, note.label, package, None if note.channel == 9 else note.key)


def _render(root: Path, bank: Path, wanted: Sequence[Note], folder: Path) -> None:
    """One file a note; no reverberation, for that would be the renderer's."""
    midi, wave = folder / "score.mid", folder / "score.wav"
    midi.write_bytes(score(wanted))
    if bank.suffix == ".cfg":
        config = folder / "timidity.cfg"
        patches = next(root.rglob("Tone_000")).parent
        config.write_text(f"dir {patches}\nsource {bank}\n")
        command = ["timidity", "-c", str(config), "-EFreverb=0", "-EFchorus=0", "-Ow", "-s", "44100"]
        subprocess.run([*command, "-o", str(wave), str(midi)], check=True, capture_output=True)
    else:
        command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-R", "0", "-C", "0", "-r", "44100", "-F", str(wave)]
        subprocess.run([*command, str(bank), str(midi)], check=True, capture_output=True)
    samples, rate = soundfile.read(wave, dtype="float32", always_2d=True)
    mono, slot = samples.mean(axis=1), round(Note.SLOT * rate)
    for place in range(len(wanted)):
        piece = mono[place * slot : (place + 1) * slot]
        if len(piece) and np.abs(piece).max() > 1e-3:
            soundfile.write(folder / f"{place:04}.flac", piece / np.abs(piece).max() * 0.9, rate)
    wave.unlink()


def words(packages: Path) -> Iterator[Found]:
    """Digits, spelling words and letters that telephone voices, teachers and flite's voices say."""
    for package in PROMPTS:
        root = unpacked(package, packages)
        for path in audio(root) if root else ():
            said = _said(path)
            if said:
                yield Found(path, said, package)
    root = unpacked("tuxpaint-stamps-default", packages)
    for path in audio(root) if root else ():
        number = re.fullmatch(r"(\d)(?:_([a-z]{2})(_[a-zA-Z]{2})?)?", path.stem)
        if number and path.parent.name == "math":
            yield Found(path, f"{number[2] or 'en'} {number[1]}", f"tuxpaint-{number[2] or ''}{number[3] or ''}")
    root = unpacked("klettres-data", packages)
    for table in sorted(root.rglob("sounds.xml")) if root else ():
        language = table.parent.name
        for name, file in re.findall(r'<sound name="(\w)" file="([^"]+/alpha/[^"]+)"', table.read_text("utf-8")):
            if name.lower() in "bdfklmnoprst" and (table.parents[1] / file).is_file():
                yield Found(table.parents[1] / file, f"letter {name.lower()}", f"klettres-{language}")
    for voice in VOICES:
        for number, word in enumerate(DIGITS):
            for take, stretch in enumerate(("0.85", "1.0", "1.25")):
                path = packages / "rendered" / f"flite-{voice}" / f"{number}-{take}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.is_file():
                    options = ["--setf", f"duration_stretch={stretch}", "-t", word, "-o", str(path)]
                    subprocess.run(["flite", "-voice", voice, *options], check=True, capture_output=True)
                yield Found(path, f"en {number}", f"flite-{voice}")


def _said(path: Path) -> str | None:
    """What a telephone prompt says, by its language: spelling words are the same in all."""
    language = next((part[:2] for part in path.parts if re.fullmatch(r"[a-z]{2}([_-].*)?", part) and part != "us"), "")
    if path.parent.name == "digits" and re.fullmatch(r"\d+|(day|mon)-\d+", path.stem):
        return f"{language} {path.stem}"
    if path.parent.name == "phonetic" and re.fullmatch(r"[a-z]_p", path.stem):
        return f"spelling {path.stem[0]}"
    if path.parent.name == "letters" and re.fullmatch(r"[a-z]", path.stem):
        return f"{language} letter {path.stem}"
    return None


DOMAINS: Final[Mapping[str, Callable[[Path], Iterator[Found]]]] = {
    "shots": shots,
    "notes": notes,
    "environment": environment,
    "words": words,
}


# --- writing


def gather(name: str, folder: Path) -> list[Found]:
    """Copies one domain's sounds, at most ``MOST`` of a label and group, and writes their table."""
    counts: Counter[tuple[str, str]] = Counter()
    kept: list[Found] = []
    for found in DOMAINS[name](folder / "packages"):
        counts[found.label, found.group] += 1
        if counts[found.label, found.group] <= MOST:
            kept.append(found)
    with open(folder / f"{name}.tmp", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "group", "midi"])
        for place, found in enumerate(kept):
            path = f"{found.group}/{place:05}-{re.sub(r'[^a-z0-9]+', '-', found.label)}{_suffix(found.source)}"
            target = folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if found.source.suffix == ".gsm":
                _from_gsm(found.source, target)
            else:
                shutil.copyfile(found.source, target)
            table.writerow([path, found.label, found.group, "" if found.midi is None else found.midi])
    (folder / f"{name}.tmp").replace(folder / name / "labels.csv")
    return kept


def _suffix(source: Path) -> str:
    return ".wav" if source.suffix == ".gsm" else source.suffix.lower()


def _from_gsm(source: Path, target: Path) -> None:
    """A telephone's GSM frames have no header to know them by."""
    with av.open(str(source), format="gsm") as container:
        frames = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    soundfile.write(target, np.concatenate(frames), 8000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to keep packages and sounds (some 6 GB)")
    parser.add_argument("--domain", choices=list(DOMAINS), action="append", help="only this one (default: all)")
    options = parser.parse_args()
    console = Console()
    folder: Path = options.folder.absolute()
    os.makedirs(folder / "packages", exist_ok=True)
    for name in options.domain or DOMAINS:
        kept = gather(name, folder)
        labels, groups = len({found.label for found in kept}), len({found.group for found in kept})
        console.print(f"{name}: {len(kept)} sounds, {labels} labels, {groups} groups")


if __name__ == "__main__":
    main()
