"""Names of columns that speak of a person's protected trait, in the languages that business tables are often written in."""

from __future__ import annotations

from unicodedata import combining, normalize

from runner.proposal.profile import has_word, tokens

BIRTH_WORDS = (
    *("birth", "born", "dob", "birthday", "birthdate", "geburtsdatum", "geburtstag", "geburtsjahr", "geboren", "naissance", "nacimiento"),
    *("nascita", "nascimento", "geboortedatum", "geboortejaar"),
)
# Without accents; umlauts also as two letters.
PROTECTED_WORDS = (
    *("age", "sex", "gender", "female", "male", "race", "ethnic", "ethnicity", "religion", "religious", "nationality", "citizenship", "citizen"),
    *("marital", "married", "disability", "disabled", "pregnant", "pregnancy", "sexual", "orientation", "native", "immigrant", *BIRTH_WORDS),
    # German
    *("alter", "geschlecht", "weiblich", "mannlich", "maennlich", "rasse", "ethnie", "konfession", "nationalitat", "nationalitaet", "schwanger"),
    *("staatsangehorigkeit", "staatsangehoerigkeit", "staatsburgerschaft", "staatsbuergerschaft", "familienstand", "verheiratet", "behinderung"),
    *("behindert", "schwerbehindert", "schwerbehinderung", "schwangerschaft", "migrationshintergrund"),
    # French
    *("sexe", "femme", "homme", "nationalite", "citoyennete", "etat_civil", "situation_familiale", "marie", "mariee", "handicap", "handicape"),
    *("enceinte", "grossesse", "immigre"),
    # Spanish, Italian, Portuguese
    *("sexo", "genero", "edad", "mujer", "hombre", "raza", "etnia", "nacionalidad", "ciudadania", "estado_civil", "casado", "casada"),
    *("discapacidad", "discapacitado", "embarazo", "embarazada", "inmigrante"),
    *("sesso", "genere", "razza", "nazionalita", "cittadinanza", "stato_civile", "religione", "disabilita", "disabile", "gravidanza", "incinta"),
    *("idade", "raca", "nacionalidade", "cidadania", "religiao", "deficiencia", "deficiente", "gravidez", "gravida"),
    # Dutch
    *("geslacht", "leeftijd", "nationaliteit", "burgerlijke_staat", "burgerschap", "godsdienst", "religie", "gehuwd", "zwanger", "zwangerschap"),
)
ACCENTED = ("età",)  # words that mean something else without their accents: an ETA is a time of arrival
THINGS = ("account", "contract", "company", "vehicle", "car", "device", "machine", "policy", "asset", "building", "house", "site", "product", "loan", "order")


def is_protected(name: str) -> bool:
    """Whether a column's name speaks of a person's protected trait: client_age, not account_age.

    >>> is_protected("Client Age"), is_protected("account_age"), is_protected("usage")
    (True, False, False)
    >>> is_protected("Geschlecht"), is_protected("Âge"), is_protected("Staatsangehörigkeit"), is_protected("ETA")
    (True, True, True, False)
    """
    plain = "".join(sign for sign in normalize("NFKD", name) if not combining(sign))
    speaks = has_word(plain, PROTECTED_WORDS) or has_word(normalize("NFC", name), ACCENTED)
    return speaks and not set(tokens(name)) & set(THINGS)
