"""Names of people, and how a directory spells them in logon names and addresses."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from itertools import product


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_GIVEN = _words(
    "John Mary James Linda Robert Susan Michael Karen David Nancy William Lisa Richard Betty "
    "Thomas Sandra Charles Ashley Daniel Emily Matthew Donna Anthony Carol Mark Amanda Steven "
    "Melissa Andrew Deborah Joshua Rachel Kevin Laura Brian Sharon George Cynthia Edward Kathleen "
    "Ronald Amy Timothy Angela Jason Anna Jeffrey Ruth Ryan Brenda Jacob Pamela Gary Nicole "
    "Nicholas Catherine Eric Samantha Jonathan Christine Stephen Emma Larry Helen Justin Olivia "
    "Scott Maria Brandon Heather Benjamin Diane Samuel Julie Gregory Joyce Alexander Victoria "
    "Patrick Kelly Zoë Chloé Renée José Łukasz Małgorzata Søren Åsa Ngọc Siân Aoife Dmitri Priya "
    "Arjun Fatima Omar Yuki Kenji Ifeoma 伟 芳 Mehmet Ayşe"
)

_SURNAMES = _words(
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez "
    "Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris "
    "Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill "
    "Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips "
    "Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers "
    "Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson "
    "Watson Brooks Chavez Wood James Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo "
    "Sanders Patel Myers Long Ross Foster O'Brien O'Neill D'Angelo Nowak Kowalski Wiśniewska "
    "Østergård Nørgaard Åkesson Lindström Müller Schäfer 李 王 Yılmaz Öztürk Tanaka Okafor Singh "
    "McDonald MacLeod Smith-Jones Fitzgerald Abernathy Blackwood Carmichael Delacroix Eastwood"
)

_GERMAN_GIVEN = _words(
    "Jürgen Anna Jörg Käthe Thomas Sabine Andreas Monika Stefan Petra Wolfgang Ursula Klaus "
    "Renate Günter Helga Michael Claudia Matthias Susanne Uwe Birgit Björn Ute Holger Heike "
    "Frank Martina Ralf Gabriele Bernd Andrea Dirk Silke Torsten Kerstin Sven Katrin Jan Nicole "
    "Christian Stefanie Sebastian Julia Tobias Lena Lukas Hannah Felix Leonie Jonas Mia Paul "
    "Zoë Łukasz Ayşe Emre Sören Jana Özlem Karl-Heinz Hans-Peter Anne-Marie Eva Ludwig Frieda "
    "Konstantin Dörte Götz Änne"
)

_GERMAN_SURNAMES = _words(
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch "
    "Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann "
    "Lange Schmitt Werner Krause Meier Lehmann Köhler Maier Herrmann König Walter Mayer Huber "
    "Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich Keller "
    "Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon Ludwig "
    "Böhm Winter Kraus Martin Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß Seidel Heinrich "
    "Brandt Haas Schreiber Graf Dietrich Ziegler Kuhn Kühn Pohl Engel Horn Busch Bergmann Thomas "
    "Voigt Sauer Arnold Pfeiffer Groß-Weiß Freiherr-von-Löwenstein Yılmaz Nowak Strauß Übler "
    "Außerhofer Grünwald Hübner Königsdörfer"
)

_SPELLED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "å": "a", "ł": "l", "ı": "i"}
    | {"李": "li", "王": "wang", "伟": "wei", "芳": "fang"}
)


NAMESAKES = {False: ("John", "Smith"), True: ("Anna", "Müller")}
"""The name that two people have on purpose, by whether the directory speaks German."""


def draw_names(rng: random.Random, *, german: bool) -> Iterator[tuple[str, str]]:
    """Yield pairs of given name and surname, each pair once, then with a middle initial.

    The name of the namesakes is not among them.
    """
    given = _GERMAN_GIVEN if german else _GIVEN
    surnames = _GERMAN_SURNAMES if german else _SURNAMES
    pairs = [pair for pair in product(given, surnames) if pair != NAMESAKES[german]]
    rng.shuffle(pairs)
    yield from pairs
    for initial in "ABCDEFGHIJKLMNOPRSTUVW":
        yield from ((f"{first} {initial}.", last) for first, last in pairs)


def spell(name: str) -> str:
    """Return a name as logon names and addresses spell it: `Müller` as `mueller`."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_SPELLED))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())
