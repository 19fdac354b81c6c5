"""Which language a text is in, by its commonest words. Enough to choose between ours; empty when it cannot be told."""

import re

_COMMON = {
    "pt": (
        "de da do que e em para não uma os com no na por mais as dos como mas ao ele das seu sua ou ser "
        "quando muito nos já eu também só pelo pela até isso ela entre depois sem mesmo aos seus são foi têm "
        "está conforme nº valor data o é qual quais quanto quantos onde"
    ),
    "en": (
        "the of and to in a is that for it as was with be by on not he his but at are this have from or had "
        "an they which one you were her all she there would their we him been has when who will more no if "
        "out amount date what how much many does"
    ),
    "es": (
        "de la que el en y los se del las un por con no una su para es al lo como más pero sus le ya o este "
        "sí porque esta entre cuando muy sin sobre también hasta hay donde quien desde todo nos durante todos "
        "uno les ni cuál cuánto cuántos dónde"
    ),
    "fr": (
        "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec "
        "son cette ou aux mais comme elle ses nous été fait leur même ces sa on très peut"
    ),
    "de": (
        "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden "
        "aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur"
    ),
    "it": (
        "di e il la che in a per è un del non con una si le da i al dei nel come più della ha sono gli dal "
        "alla anche o su se questo ma delle ed ai lo nella stato loro"
    ),
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_OWNERS = {
    word: [name for name, words in _WORDS.items() if word in words] for words in _WORDS.values() for word in words
}
_RUN = re.compile(r"[^\W\d_]+")
_SAMPLE = 40_000
_MIN_HITS = 3


def guess_language(text: str, least: float = _MIN_HITS) -> str:
    """ISO 639-1 of most of the text (its first 40,000 characters): pt, en, es, fr, de, it, or empty.

    A word counts for every language that uses it, the less the more of them share it; `least` must be reached.
    """
    score = dict.fromkeys(_WORDS, 0.0)
    runs = _RUN.findall(text[:_SAMPLE].lower())
    for run in runs:
        owners = _OWNERS.get(run)
        if owners:
            for owner in owners:
                score[owner] += 1 / len(owners)
    best = max(score, key=lambda name: score[name])
    if score[best] < least or score[best] < 0.04 * len(runs):
        return ""
    return best
