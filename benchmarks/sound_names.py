"""Labels from file names: what the people who made a package called a sound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final


def label_of(path: Path, names: Mapping[str, str]) -> str | None:
    """The first label one of whose words is in the file's name; None for no name or a spoken description."""
    stem = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", path.stem)  # DoorClose
    words = re.sub(r"[^a-z]+", " ", stem.lower()).strip()
    if re.search(r"\b(desc|miss|voice|ack|select|say|speech)\b", words):
        return None
    return next((label for label, pattern in names.items() if re.search(rf"\b(?:{pattern})\b", words)), None)


ENVIRONMENT: Final[Mapping[str, str]] = {
    "dog": r"dogs?|bark|barking|puppy|woof",
    "wolf": r"wolf|wolves|howl|coyote",
    "cat": r"cats?|meow|kitten|blackcat",
    "cow": r"cows?|moo|cattle|bull|ox",
    "sheep": r"sheep|lamb|baa|goat|ram",
    "pig": r"pigs?|oink|boar|hog|swine",
    "horse": r"horses?|neigh|whinny|donkey|zebra",
    "gallop": r"gallop|canter|hooves|hoofs?",
    "rooster": r"rooster|cock",
    "hen": r"hens?|chickens?|cluck",
    "crow": r"crows?|raven",
    "duck": r"ducks?|goose|gander|quack",
    "owl": r"owls?",
    "gull": r"gulls?|seagulls?",
    "bird": r"birds?|birdsong|lark|blackbird|chirp|tweet|nightingale",
    "frog": r"frogs?|toads?|croak",
    "cricket": r"crickets?|cicadas?|grasshoppers?",
    "bee": r"bees?|hornet|wasp|mosquito|buzz",
    "lion": r"lions?|tiger|bear|roar|growl",
    "elephant": r"elephants?",
    "rain": r"rain|raining|rainfall",
    "thunder": r"thunder|lightning|lightningbolt|thunderstorm",
    "wind": r"wind|windy|blizzard|gale",
    "sea": r"sea|ocean|waves|beach|surf|seashore",
    "splash": r"splash\w*|plunge|dive|water in|swim\w*|plop\w*",
    "drip": r"drip\w*|drop|droplet|waterdrop|water drop",
    "water": r"water|waterfall|river|stream|creek|brook|ripples",
    "bubbles": r"bubbles?|beerbubble|winebubble|boil\w*",
    "fire": r"campfire|flames?|burn|burning|fireplace|bonfire|torch|fire large|fire small|fire fire|env fire",
    "steps": r"\w*steps?|footfall|walk|walking|stomp",
    "door": r"\w*doors?|gate|fencegate",
    "creak": r"creak\w*|squeak\w*",
    "glass": r"glass|shatter|bottle",
    "bell": r"bells?|bell toll|church|chime",
    "horn": r"horns?|honk|foghorn",
    "siren": r"siren|alarm|klaxon|firetruck|ambulance|police",
    "engine": r"engine\w*|motor\w*|car|truck|tractor|drive|idle|revup",
    "helicopter": r"helicopter|chopper|heli",
    "airplane": r"air ?plane|plane|jet|propeller|rcplane|airplane jet engine",
    "train": r"train|locomotive|steam locomotive|railway",
    "saw": r"saw|chainsaw|sawing|sawmill|benchsaw",
    "hammer": r"hammer\w*|anvil|smith|blacksmith|forge",
    "chop": r"chop|axe|hatchet|woodcut\w*|lumberjack|choppy|timber",
    "mining": r"pick|pickaxe|pickhammer|mining|stonecutter|stonemason|quarry",
    "shotgun": r"shotgun\w*",
    "gun": r"\w*gun|gunshots?|rifle|musket|pistol|sniper|mg|gun shot",
    "cannon": r"cannon|artillery|mortar|howitzer",
    "explosion": r"expl\w*|boom|bomb|blast|grenade|tnt explode",
    "fireworks": r"fireworks?|firecracker",
    "laser": r"laser\w*|beam",
    "arrow": r"arrows?|bow|archer attack|crossbow",
    "sword": r"swords?|blade|swordhit|clash|dagger",
    "scream": r"scream\w*|shriek|wilhelm|wilhelm scream",
    "death": r"\w*die|death|\w*dying",
    "hurt": r"hurt|ouch|ow|ooff|ugh|pain|grunt",
    "laugh": r"\w*laugh\w*|giggle|chuckle|cackle",
    "cough": r"coughs?|poison cough",
    "sneeze": r"sneeze",
    "baby": r"baby|baby cry",
    "applause": r"applause|cheer\w*|clapping|crowd|clap",
    "clock": r"clock|tick\w*|minetick|metronome",
    "typing": r"typing|typewriter|keyboard|type key",
    "click": r"click|button",
    "camera": r"camera|shutter\w*",
    "coin": r"coins?|gold|money|cash",
    "whistle": r"whistle",
    "telephone": r"phone|telephone|ring|ringing",
    "beep": r"beeps?|blip",
    "skid": r"skid|screech|tires?|tyres?",
    "crash": r"crash\w*|metal clang|collision",
    "bounce": r"bounce|boing|ball bounce",
    "eat": r"eat\w*|bite|chew\w*|munch|slurp|crunch",
    "whoosh": r"whoosh|swoosh|swish|woosh",
}

KINDS: Final[Mapping[str, str]] = {
    "rim": r".*rim ?(shot|click)?|.*side ?stick|stick rim|rs|.*rimshot.*",
    "cowbell": r".*cow ?bell|cb|mc cb",
    "clap": r".*clap( .*)?",
    "snap": r".*snap",
    "kick": r".*kick.*|bass ?drum.*|bd|.* bd|hard ?hse k.*",
    "snare": r".*snare.*|sn|sd|sr|.* sn|.* sd",
    "open-hat": r".*(hi? ?hat|hat|hh).*(op|open|opened|semiopen|ohh)\b.*|.*ohh|open ?hat|ho|.*open hi ?hat.*",
    "closed-hat": r".*(hi? ?hat|hat|hh).*(cl|closed|foot|pedal|pd|light|p)\b.*|.*chh.*|(close|pedal) ?hi ?hat|hh",
    "ride": r".*ride.*|rd|rc",
    "crash": r".*crash.*|.*china.*|.*splash.*|cra .*|cc",
    "tom": r".*tom.*|tm|ft|t",
    "bongo": r".*bongo.*",
    "conga": r".*conga.*|djembe.*",
    "tambourine": r".*tambourine.*",
    "shaker": r".*shaker.*|.*maraca.*",
    "clave": r".*clave.*|clav",
    "agogo": r".*agogo.*",
    "woodblock": r".*wood ?block.*|wood",
}
