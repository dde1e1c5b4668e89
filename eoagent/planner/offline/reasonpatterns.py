"""Shapes of English sentences that ask a picture for what has no name of its own."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MARKED", "OF_CHANGE", "SHAPES", "SPECTRAL", "SPECTRAL_SHAPES", "SUPPOSED"]

_MODAL: Final = r"(?:would|could|should|might|may|must|can)"
_SPOT: Final = (
    r"(?:areas?|places?|parts?|regions?|spots?|sites?|locations?|sides?|zones?|corners?|sections?|"
    r"grounds?|land)"
)
_PLACE: Final = (
    rf"(?:{_SPOT}|districts?|quarters?|fields?|parcels?|plots?|buildings?|houses?|roofs?|roads?|"
    r"streets?|bridges?|slopes?|shores?|banks?|coasts?|beach(?:es)?|islands?|squares?|blocks?|"
    r"neighbou?rhoods?|villages?|settlements?|stretch(?:es)?|structures?|facilit(?:y|ies)|objects?|infrastructure|spaces?|surfaces?)"
)
_MOST: Final = (
    r"most\s+(?:likely|suitable|at\s+risk|exposed|prone|vulnerable|dangerous|endangered|damaged|"
    r"promising|useful|accessible|fertile|polluted|affected|threatened|probably)"
)
_MARK: Final = (
    rf"(?:best|better|safe|safer|safest|suitable|suited|ideal|likely|likeliest|possible|at\s+risk|"
    r"at\s+(?:the\s+)?(?:greatest|highest)\s+risk|in\s+danger|prone|vulnerable|exposed|easiest|"
    rf"enough\s+(?:room|space)|room\s+for|space\s+for|worst|{_MOST})"
)
_USED: Final = (
    r"(?:used\s+(?:for|to|as|by)|serv(?:es?|ing)\s+(?:as|for)|meant\s+(?:for|to)|good\s+(?:for|to))"
)
_MARKS: Final = rf"(?:{_MARK}|{_USED}|would|could|should|might|may)"
_FIND: Final = (
    r"(?:find|show|locate|mark|outline|point\s+(?:out|to)|identify|highlight|segment|map)"
    r"(?:\s+me)?\s+(?:all\s+the|the|an|any|all|some|a)?\s*"
)
_DOES: Final = (
    r"(?:unload|load|park|work|sleep|shop|swim|play|store|dock|moor|land|cross|board|refuel|gather|"
    r"walk|live|rest|eat|train|exercise|turn|stop|queue|wait|graze|enter)"
)
_FIT: Final = (
    rf"(?:good\s+(?:{_PLACE}|for|to)|{_MARK}|fit\s+for|{_USED}|abandoned|inhabited|in\s+use|"
    r"flooded|damaged|industrial|residential)"
)
_THIS: Final = r"(?:this|that|these|those|it|the|here|there)"
_ACTOR: Final = (
    r"(?:this|that|these|those|it|the|there|people|a|an|ships?|boats?|trucks?|helicopters?|"
    r"planes?|cars?|animals?)"
)
_KIND: Final = r"(?:kinds?|types?|sorts?)\s+of"
_OF: Final = (
    r"(?:places?|areas?|land\s+use|buildings?|facilit(?:y|ies)|settlements?|neighbou?rhoods?|"
    r"districts?|landscapes?|crops?|fields?|farms?|farming|industr(?:y|ies)|sites?|roads?|"
    r"activit(?:y|ies)|structures?|business(?:es)?)"
)

_IMGS: Final = r"(?:images|scenes|pictures|photos|photographs|dates|times|years)"
_ONE: Final = r"(?:\s+(?:image|scene|picture|photo|photograph|date|one))?"
_BETWEEN: Final = (
    r"(?:,?\s+(?:here|there|in\s+between|between\s+(?:the|these|both)(?:\s+two)?"
    rf"(?:\s+{_IMGS})?|between\s+them|between\s+the\s+first{_ONE}\s+and\s+the\s+second{_ONE}|"
    rf"from\s+the\s+first{_ONE}\s+to\s+the\s+second{_ONE}|since\s+the\s+(?:first|earlier){_ONE}|"
    rf"(?:by|in|after)\s+the\s+(?:second|later|first){_ONE}|since\s+then|"
    r"in\s+this\s+(?:place|area)))*"
)
_IN_WORDS: Final = r"(?P<words>,?\s+in\s+(?:(?:a\s+few|your\s+own|plain|simple)\s+)?words)"
_TELL: Final = r"(?:describe|summari[sz]e|explain|list|report|name|put\s+into\s+words)"
_CHANGES: Final = r"(?:main\s+|biggest\s+|visible\s+)?(?:changes?|differences?)"
_X: Final = r"the\s+(?P<x>[a-z][a-z -]*?)"
_GROUND: Final = (
    r"(?:the|this)\s+(?:area|place|landscape|site|region|land|ground|neighbou?rhood|city|town|"
    r"village|coast|harbou?r)"
)

_TABLE: Final[tuple[tuple[str, ...], ...]] = (
    # of two dates
    ("change", rf"what(?:\s+has|\s+have|\s+is)?\s+(?:changed|different){_BETWEEN}{_IN_WORDS}?"),
    (
        "change",
        rf"{_TELL}\s+what(?:\s+has|\s+have|\s+is)?\s+(?:changed|different){_BETWEEN}{_IN_WORDS}?",
    ),
    ("change", rf"{_TELL}\s+(?:all\s+)?(?:the\s+)?{_CHANGES}{_BETWEEN}{_IN_WORDS}?"),
    ("change", rf"what\s+are\s+the\s+{_CHANGES}{_BETWEEN}{_IN_WORDS}?"),
    ("change", rf"how\s+(?:has|did)\s+{_GROUND}\s+changed?{_BETWEEN}{_IN_WORDS}?"),
    (
        "change",
        rf"how\s+(?:do|are)\s+(?:the|these)\s+(?:two\s+)?{_IMGS}\s+(?:differ|different)",
        rf"{_BETWEEN}{_IN_WORDS}?",
    ),
    ("cover", rf"what\s+(?:has\s+)?changed\s+in\s+{_X}{_BETWEEN}{_IN_WORDS}"),
    ("cover", rf"how\s+(?:has|did)\s+{_X}\s+changed?{_BETWEEN}{_IN_WORDS}"),
    ("cover", rf"(?:what\s+(?:has\s+)?happened\s+(?:to|with))\s+{_X}{_BETWEEN}{_IN_WORDS}?"),
    (
        "cover",
        rf"{_TELL}\s+(?:how\s+{_X}\s+(?:has\s+)?changed|what\s+(?:has\s+)?(?:changed\s+in|happened\s+",
        rf"to)\s+{_X.replace('<x>', '<xx>')}|(?:the\s+)?{_CHANGES}\s+(?:in|of|to)\s+",
        rf"{_X.replace('<x>', '<xxx>')}){_BETWEEN}{_IN_WORDS}?",
    ),
    ("happened", rf"(?:{_TELL}\s+)?what\s+(?:has\s+)?happened{_BETWEEN}{_IN_WORDS}?"),
    # where
    ("place", rf"where\s+{_MODAL}\s+(?!(?:i|we|you|one)\b).+"),
    ("place", r"where\s+can\s+(?:we|one)\s+(?!(?:see|find|buy|get|read|download|learn)\b).+"),
    ("place", rf"where\s+(?:is|are|was|were)\s+(?:.+\s+)?{_MARK}\b.*"),
    ("place", rf"where\s+(?:do|does)\s+(?:[a-z]+\s+){{1,3}}{_DOES}\b.*"),
    (
        "place",
        rf"(?:which|what)\s+(?:(?:one\s+)?of\s+the\s+)?{_PLACE}\s+(?:.+\s+)?{_MARKS}\b.*",
    ),
    ("place", rf"what\s+(?:is|are|would\s+be)\s+(?:the|a)\s+{_MARK}\s+{_PLACE}\s+(?:for|to)\s+.+"),
    ("place", rf"{_FIND}{_PLACE}\s+(?:where|in\s+which|on\s+which|that|which)\s+.+"),
    ("place", rf"{_FIND}where\s+(?:.+\s+)?(?:{_MARKS}|{_DOES})\b.*"),
    ("place", rf"{_FIND}(?:(?:good|{_MARK})\s+)?{_SPOT}\s+(?:for|to)\s+.+"),
    ("place", rf"{_FIND}{_PLACE}\s+(?:most\s+)?(?:{_MARK}|{_USED})\s+.+"),
    ("place", rf"where\s+(?!(?:i|we|you|one)\b)(?:[a-z]+\s+){{1,5}}{_MODAL}\s+.+"),
    # what and why
    ("words", r"what\s+(?:.+)\s+(?:is|are|was|were)\s+(?:used|meant|made|built)\s+for"),
    ("words", r"why\s+(?:this|that|these|the)\s+.+\s+(?:is|are|was|were|has|have|looks?)\s+.+"),
    (
        "words",
        rf"what\s+(?:is|are|was|were|{_MODAL})\s+.+\s+(?:be\s+)?",
        r"(?:used|meant|made|built|suited|intended|good|suitable)\s+(?:for|as)(?:\s+.+)?",
    ),
    ("words", r"what\s+(?:is|are|was|could\s+be)\s+the\s+(?:purpose|function|use|role)\s+of\s+.+"),
    ("words", rf"what\s+(?:could|might|may)\s+{_THIS}\b.*\s+be"),
    ("words", r"what\s+(?:is|might\s+be|could\s+be)\s+(?:happening|going\s+on)\b.*"),
    ("words", rf"(?:what|which)\s+{_KIND}\s+{_OF}\b.*"),
    ("words", r"why\s+(?:is|are|was|were|do|does|did|has|have|had|might|may|could|would)\s+.+"),
    ("words", rf"(?:is|are)\s+{_THIS}\s+(?:.+\s+)?{_FIT}\b.*"),
    ("words", rf"(?:could|might|may|would|can)\s+{_ACTOR}\s+.+"),
)
SHAPES: Final = tuple((kind, re.compile("".join(parts), re.IGNORECASE)) for kind, *parts in _TABLE)
"""Kind of question and the shape of a whole sentence that asks it; the first that fits is taken."""

MARKED: Final = re.compile(rf"\b{_MARKS}\b", re.IGNORECASE)
"""Words that ask for an opinion, with which a cover may be named that an index would show."""

OF_CHANGE: Final = re.compile(
    r"\b(?:between|chang\w*|differen\w*|disappear\w*|vanish\w*|shr[aiu]nk|grew|grown?|lost|gone|new|"
    r"before|after|since|later|earlier|first|second|no\s+longer)\b",
    re.IGNORECASE,
)
"""Words with which a question in words is one about two dates, where two images are given."""

SUPPOSED: Final = re.compile(
    r"^(?:if|in\s+case\s+of|in\s+the\s+(?:case|event)\s+of|during|suppose|supposing)\s+[^,]+,\s*"
    r"(?:then\s+)?",
    re.IGNORECASE,
)
"""What a sentence supposes before it asks."""

_BANDS: Final = (
    r"(?:(?:all(?:\s+of)?\s+)?(?:the\s+|its\s+)?(?:near-?\s?infra-?red|infra-?red|multi-?spectral|"
    r"spectral|false[\s-]colou?r)(?:\s+(?:bands?|pictures?|images?|data|channels?))?|"
    r"all\s+(?:of\s+)?(?:the\s+|its\s+)?(?:bands|channels))"
)
_FROM: Final = (
    r"(?:using|with|from|by|based\s+on|looking\s+at|judging\s+(?:by|from)|according\s+to|use)"
)
SPECTRAL: Final = re.compile(
    rf"^{_FROM}\s+{_BANDS}\s*[,:]?\s+(?P<rest>.+)$|^(?P<rest2>.+?),?\s+{_FROM}\s+{_BANDS}$",
    re.IGNORECASE,
)
"""A sentence that says to look at all bands, and the rest of it."""
SPECTRAL_SHAPES: Final = re.compile(
    r"describe\s+(?:what\s+.+|this\s+(?:area|place)|the\s+(?:area|land|landscape))|"
    r"what\s+(?:grows|is\s+growing|crops?|land\s+cover|land\s+use|do\s+you\s+see|"
    r"is\s+(?:this|that|it|here|shown|visible))\b.*",
    re.IGNORECASE,
)
"""What else may be asked of pictures of all bands, in words."""
