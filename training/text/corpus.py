"""Sentences to distil the text tower with: what cameras see, from a grammar, and broad English, from WordNet.

The grammar makes sentences of the kind that operators type and captions say. WordNet (Princeton University, its own
permissive licence; Debian's package ``wordnet-base``) carries the rest of the language, so that any phrase lands where
the teacher puts it: definitions, examples, single words, and its nouns inside sentences of the grammar. No sentence
that ``paraphrases.json`` holds out is among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

from training.text.paraphrases import Paraphrases
from training.text.phrases import Phrases

T = TypeVar("T")

WORDNET = Path("/usr/share/wordnet")
MAX_WORDS = 30
"""A longer sentence is no rule and no caption, and costs several of them."""


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.replace("\n", "").split("|"))


ONE = _list("""
a person|a man|a woman|someone|somebody|a child|a boy|a girl|a kid|a teenager|an old man|an elderly woman|
an old lady|a young man|a young woman|a baby|a toddler|a student|a worker|a construction worker|a tourist|a visitor|
a shopper|a customer|a commuter|a guard|a police officer|a policeman|a courier|a postman|a delivery man|a cleaner|
a gardener|a waiter|a nurse|a doctor|a soldier|a firefighter|an employee|a neighbour|a stranger|a thief|a drunk man|
a mother with a child|a father and his son|a passenger|a pedestrian|an individual|anyone|nobody|he|she""")
MANY = _list("""
people|two people|two men|two women|three people|several people|a few persons|many people|kids|children|
teenagers|youths|students|men|women|boys|girls|tourists|workers|shoppers|commuters|passengers|police officers|
a group of people|a small group|a family|a couple|a crowd|a crowd of people|a gang|folks|they|pedestrians|visitors|
staff|employees|an old couple|friends|some people|no people""")
LOOKS = _list("""
in a red coat|in a blue jacket|in black|in white|in a yellow vest|in dark clothes|in a uniform|in a suit|
in shorts|in a dress|with a backpack|with a bag|with a suitcase|with an umbrella|with a stick|with a dog|with a hat|
with a hood|with a helmet|with a mask|with long hair|with a child|with a phone|with a box|with a knife|with a camera|
wearing a hat|wearing a helmet|wearing a mask|wearing a hoodie|holding a bottle|holding a bag""")
VEHICLES = _list("""
a car|a red car|a white car|a black car|cars|many cars|a vehicle|vehicles|a van|a delivery van|vans|
a truck|a lorry|trucks|a bus|buses|a taxi|a police car|an ambulance|a fire engine|a motorcycle|motorbikes|a moped|
a tractor|a forklift|a golf cart|a small cart|a tram|a train|a pickup|a trailer|a bicycle|bicycles|bikes|a scooter|
an e-scooter|scooters|a skateboard|a boat|a ship|an aeroplane|a helicopter|a drone|a robot|traffic""")
DRIVES = _list("""
driving|driving fast|driving slowly|driving past|driving by|passing|passing by|turning|turning left|stopping|
standing|parked|parking|reversing|waiting|speeding|braking|skidding|crashing|burning|overtaking|
driving the wrong way|driving in the wrong direction|driving on the pavement|driving through|going past|
moving|moving slowly|moving fast|moving quickly|standing still|stuck in traffic|at the traffic light|rolling over|
coming towards the camera|moving away|moving to the left|moving to the right""")
ANIMALS = _list("""
a dog|dogs|a cat|cats|a bird|birds|pigeons|a seagull|a crow|a horse|horses|a cow|cows|a sheep|a goat|a pig|
a deer|a fox|a wild boar|a bear|a rat|a mouse|a squirrel|a rabbit|a hedgehog|a snake|an insect|a spider|a fly|
a moth|a swan|ducks|an animal|animals|a monkey|an elephant|a chicken""")
LIVES = _list("""
running|walking|walking slowly|standing|sitting|lying down|sleeping|eating|jumping|flying|climbing|playing|
barking|fighting|chasing a ball|attacking a person|crossing the road|on the ground|in front of the camera|moving|
swimming|digging|sniffing|running away|standing still""")
PLACES = _list("""
here|there|on the pavement|on the sidewalk|on the street|in the street|across the street|on the road|
across the road|in the middle of the road|on the path|along the path|on the footpath|on the grass|across the lawn|
in the park|through the park|across the square|on the plaza|in the yard|in front of the building|
at the entrance|at the door|near the door|by the gate|at the fence|over the fence|in the car park|
in the parking lot|in the garage|on the stairs|on the roof|in the corridor|in the hall|in the lobby|in the office|
in the shop|in the supermarket|at the counter|in the warehouse|in the factory|on the platform|on the tracks|
at the station|at the bus stop|at the crossing|at the crossroads|on the bridge|under the bridge|by the river|
on the beach|in the water|in the playground|in the school|in the hospital|in the garden|in the forest|
between the parked cars|next to a car|beside a bench|on a bench|against the wall|in the restricted area|in this area|
to the left|to the right|towards the camera|away from the camera|in the background|at the edge of the picture""")
TIMES = _list("""
at night|in the morning|in the evening|at noon|during the day|in the dark|after midnight|on weekends|
in the rain|in the snow|in the fog|every day|all day|for a long time|again|twice|suddenly|slowly|quickly|alone|
together|with others|after closing time|in winter|in summer""")
HOW = _list("""
walks slowly|walks|walks fast|stands still|stands|runs|moves fast|moves slowly|lies on the ground|walks quickly|
goes past|stops|turns around|is moving|is lying down|is standing|is upright|moves faster than usual here|
moves against the usual direction|moves in an unusual direction|is larger than usual|stays in one place""")
SAID = _list("""
{} is normal here|{} are normal here|{} is normal|{} is fine|{} are fine here|{} is allowed here|
{} are allowed in this area|{} is not allowed|{} is an anomaly here|{} are an anomaly here|{} is forbidden|
{} is dangerous|{} is unusual|{} should raise an alarm|alert me about {}|ignore {}|no {}|there is {}|there are {}|
i see {}|it is okay if {}|watch out for {}|{} is nothing to worry about|{} happens every day|the use of {}|
a picture of {}|a photo of {}|a video of {}|the camera shows {}|{} can be seen|report {}|{}, which is normal""")
HOLDS = _list("""
a person with a {}|someone holding a {}|a man carrying a {}|a woman with a {}|a {} on the ground|
a {} on the table|a person using a {}|people near a {}|a {} in the street|a {} {place}|the {}|a {}|no {}|two {}s|
somebody takes a {}|a child playing with a {}|a broken {}|a large {}|a small {}|a person repairing a {}""")
IS = _list("""
a {} walking|a {} running|a {} standing {place}|a {} at work|a {} {place}|the {} is talking|a {} is waiting|
a {} looks around|two {}s fighting|a {} sitting {place}|a {}""")
BEAST = _list("""
a {} running|a {} {place}|a {} sleeping|a {} eating|a {} in front of the camera|a {}|a {} and a person""")

_LEXICON = {"05": "animal", "06": "artefact", "18": "person"}
"""WordNet's lexicographer files whose nouns go into sentences."""


def corpus(camera: int, seed: int = 0, wordnet: Path | None = WORDNET) -> list[str]:
    """All sentences, each once, in an order that is random and the same for a seed.

    Args:
        camera: How many of the grammar; half as many again carry nouns of WordNet.
        seed: Of the draws and the order.
        wordnet: Folder of WordNet's ``data.*``; None leaves it out.

    Raises:
        FileNotFoundError: No WordNet is in that folder.
    """
    random = Random(seed)
    speaker = _Speaker(random)
    sentences = [speaker.sentence() for _ in range(camera)]
    if wordnet is not None:
        nouns = dict(_nouns(wordnet))
        sentences += [speaker.of_noun(nouns) for _ in range(camera // 2)]
        sentences += _definitions(wordnet)
    held_out = {plain(text) for text in Paraphrases.load().sentences()}
    kept = sorted({text for text in sentences if plain(text) not in held_out and text.count(" ") < MAX_WORDS})
    random.shuffle(kept)
    return kept


def plain(text: str) -> str:
    """A sentence without case, punctuation and runs of blanks."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


class _Speaker:
    """Says what cameras see."""

    def __init__(self, random: Random) -> None:
        phrases = Phrases.load()
        wordings = phrases.actions.values()
        bank = [entry.text for entry in phrases.entries()]
        self._random = random
        self._doing = [text for wording in wordings for text in wording.doing]
        self._doing += [text.removeprefix("a person ") for text in bank if text.startswith("a person ")]
        self._does = [text for wording in wordings for text in wording.does]
        self._short = [text for wording in wordings for text in (*wording.nouns, *wording.words, *wording.doing)]
        self._short += bank
        self._kinds: Sequence[Callable[[], str]] = (
            self._acting,
            self._acting,
            self._acting,
            self._does_it,
            self._vehicle,
            self._animal,
            self._brief,
            self._caption,
        )

    def sentence(self) -> str:
        """A sentence or phrase: half of the time plain, else with place, time or an operator's frame."""
        text = self._pick(self._kinds)()
        draw = self._random.random()
        if draw < 0.25:
            text = f"{text} {self._pick(PLACES)}"
        elif draw < 0.33:
            text = f"{text} {self._pick(TIMES)}"
        elif draw < 0.38:
            text = f"{text} {self._pick(PLACES)} {self._pick(TIMES)}"
        if self._random.random() < 0.2:
            text = self._pick(SAID).format(text)
        return text

    def of_noun(self, nouns: dict[str, list[str]]) -> str:
        """A sentence with one of WordNet's nouns."""
        kind = self._random.choices(("artefact", "person", "animal"), (5, 3, 2))[0]
        frame = self._pick({"artefact": HOLDS, "person": IS, "animal": BEAST}[kind])
        text = frame.format(self._pick(nouns[kind]), place=self._pick(PLACES))
        return re.sub(r"\ba (?=[aeio])", "an ", text)

    def _pick(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)

    def _subject(self) -> tuple[str, bool]:
        several = self._random.random() < 0.3
        subject = self._pick(MANY if several else ONE)
        if self._random.random() < 0.2 and " " in subject:
            subject = f"{subject} {self._pick(LOOKS)}"
        return subject, several

    def _acting(self) -> str:
        subject, several = self._subject()
        doing = self._pick(self._doing)
        draw = self._random.random()
        if draw < 0.2:
            return doing
        if draw < 0.45:
            return f"{subject} {'are' if several else 'is'} {doing}"
        if draw < 0.5:
            return f"{subject} who {'are' if several else 'is'} {doing}"
        if draw < 0.58:
            return f"{subject} {doing} and {self._pick(self._doing)}"
        return f"{subject} {doing}"

    def _does_it(self) -> str:
        subject, _ = self._subject()
        return f"{subject} {self._pick(self._does)}"

    def _vehicle(self) -> str:
        vehicle = self._pick(VEHICLES)
        return vehicle if self._random.random() < 0.2 else f"{vehicle} {self._pick(DRIVES)}"

    def _animal(self) -> str:
        animal = self._pick(ANIMALS)
        return animal if self._random.random() < 0.2 else f"{animal} {self._pick(LIVES)}"

    def _brief(self) -> str:
        return self._pick(self._short)

    def _caption(self) -> str:
        return f"{self._pick((*ONE, *VEHICLES, *ANIMALS))} {self._pick(HOW)}"


def _lines(folder: Path, name: str) -> Iterator[str]:
    with (folder / f"data.{name}").open(encoding="utf-8") as file:
        yield from (line for line in file if not line.startswith("  "))


def _nouns(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Lower-case nouns by kind, those of one or two words."""
    found: dict[str, set[str]] = {kind: set() for kind in _LEXICON.values()}
    for line in _lines(folder, "noun"):
        fields = line.split(" ")
        if kind := _LEXICON.get(fields[1]):
            found[kind].update(word for word in _words(fields) if word.islower() and word.count(" ") < 2)
    yield from ((kind, sorted(words)) for kind, words in found.items())


def _words(fields: Sequence[str]) -> list[str]:
    """The words of a synset: a count in hexadecimal, then each with a number behind it (wndb(5))."""
    count = int(fields[3], 16)
    return [re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in fields[4 : 4 + 2 * count : 2]]


def _definitions(folder: Path) -> Iterator[str]:
    """Definitions, examples and words of all synsets."""
    for name in ("noun", "verb", "adj", "adv"):
        for line in _lines(folder, name):
            data, _, gloss = line.partition(" | ")
            definition, *examples = gloss.strip().split('"')
            yield definition.strip(" ;")
            yield from (text for text in (example.strip(" ;") for example in examples) if text)
            yield _words(data.split(" "))[0]
