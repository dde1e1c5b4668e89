"""Shapes of English sentences that ask about things in pictures."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["SHAPES"]

_IMG: Final = (
    r"(?:(?:satellite|aerial|drone|overhead)\s+)?"
    r"(?:images?|scenes?|pictures?|photos?|photographs?|tiles?|files?)"
)
_THE: Final = r"(?:the|this|that|these|those|each|every|all(?:\s+the)?|both|your|my)"
_NUM: Final = r"(?:\d+(?:\.\d+)?|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty)"
_IN: Final = (
    rf"(?:\s*,?\s+(?:(?:in|on|across|over|inside|within|of)\s+{_THE}\s+(?:{_NUM}\s+)?{_IMG}|"
    rf"per\s+{_IMG}|in\s+(?:it|total|all)|here|altogether|overall))*"
)
_SEEN: Final = (
    r"(?:\s+(?:(?:(?:that|which)\s+)?(?:are|is)(?:\s+there)?(?:\s+(?:visible|shown|present|parked|"
    r"moored|seen|standing|to\s+be\s+seen))?|(?:that\s+)?can\s+(?:be\s+(?:seen|found|counted|made"
    r"\s+out)|(?:you|i|we|one)\s+(?:see|find|count|make\s+out|spot))|(?:do|can)\s+(?:you|we)\s+"
    rf"(?:see|find|count|spot)|(?:does|do)\s+{_THE}\s+{_IMG}\s+(?:show|contain|have|hold)|"
    r"that\s+(?:you|i|we)\s+(?:can\s+)?see|to\s+be\s+seen|visible|shown|present|parked|moored|lie))?"
)
_TAIL: Final = _SEEN + _IN
_X: Final = r"(?P<x>[^,;:]+?)"
_XS: Final = r"(?P<x>[^;:]+?)"
_ANY: Final = r"(?:(?:a|an|any|some)\s+)?"
_AWAY: Final = r"(?P<radius>\d+(?:[.,]\d+)?|one|two|three|five|ten|a|half\s+a|a\s+hundred)\s*"
_METRES: Final = r"(?P<metres>m|met(?:er|re)s?|km|kilomet(?:er|re)s?)"
_NEAR: Final = (
    r"(?:(?:that|which)\s+)?(?:(?:are|is|lie|lies|lying|stand|stands|situated|located|moored|"
    r"parked|found|can\s+be\s+(?:seen|found))\s+)*(?:there\s+)?"
    rf"(?:within|inside|no\s+more\s+than|at\s+most|less\s+than|up\s+to|closer\s+than)\s+{_AWAY}{_METRES}"
    r"(?:\s+away)?\s+(?:of|from|to|around)\s+"
)
_ANCHOR: Final = (
    r"(?:the\s+|a\s+|an\s+|any\s+)?(?:(?P<outline>outlines?|boundar(?:y|ies)|polygons?)\s+of\s+"
    r"(?:the\s+)?)?(?P<y>[^,;:]+?)(?P<outlined>\s+(?:outlines?|polygons?|boundar(?:y|ies)|"
    r"features))?"
)
_SHARE: Final = r"(?:share|percentage|fraction|proportion|percent|per\s+cent|part)"
_GROUND: Final = (
    rf"(?:(?:the|this|that)\s+(?:{_IMG}|(?:whole\s+)?(?:area|ground|land|region|ground\s+area))|it)"
)
_COVERED: Final = (
    r"(?:(?:is|are)\s+)?(?:covered|occupied|taken\s+up|made\s+up|built\s+over)\s+(?:by|with|of)"
)
_COVERS: Final = r"(?:covers?|occup(?:y|ies)|takes?\s+up|fills?)"
_UNITS: Final = (
    r"(?:km2|km²|square\s+kilomet(?:er|re)s|sq\s+km|ha|hectares|m2|m²|"
    r"square\s+met(?:er|re)s|sq\s+m)"
)
_UNIT: Final = rf"(?:,?\s+in\s+(?P<unit>{_UNITS}))?"
_TIME: Final = (
    r"(?:\s+(?:between\s+(?:(?:the|these)\s+)?(?:two\s+)?(?:images|scenes|pictures|photos|"
    r"photographs|dates|times|years)|from\s+the\s+first\s+to\s+the\s+second(?:\s+\w+)?|"
    r"since\s+the\s+(?:first|earlier)(?:\s+\w+)?|in\s+the\s+(?:second|later)\s+\w+|"
    r"(?:from|to)\s+one\s+to\s+the\s+other|in\s+between|since(?:\s+then)?|after\s+the\s+first(?:\s+\w+)?))?"
)
_APPEARED: Final = (
    r"(?:(?:that|which)\s+)?(?:(?:have|has|were|was|are|is)\s+)?(?:been\s+)?(?:newly\s+|only\s+)?"
    r"(?:new|appeared|appear|built|constructed|added|erected|put\s+up|come\s+up|sprung\s+up|"
    r"not\s+there(?:\s+(?:yet|before))?|not\s+yet\s+there|not\s+present)"
)
_VANISHED: Final = (
    r"(?:(?:that|which)\s+)?(?:(?:have|has|were|was|are|is)\s+)?(?:been\s+)?(?:disappeared|"
    r"vanished|demolished|torn\s+down|cut\s+down|felled|removed|lost|gone|destroyed|no\s+longer\s+(?:there|present))"
)
_DONE: Final = rf"(?:(?:have|has)\s+been\s+)?(?:(?P<new>{_APPEARED})|(?P<gone>{_VANISHED}))"
_MOST: Final = (
    r"(?:the\s+)?(?P<most>most|more|fewer|(?:largest|greatest|highest)\s+(?:number|count)\s+of|fewest|least|"
    r"(?:smallest|lowest)\s+(?:number|count)\s+of)"
)
_OF_THESE: Final = (
    rf"(?:(?:which|what)(?:\s+one)?(?:\s+of\s+(?:the|these|those)(?:\s+(?P<said>{_NUM}))?)?"
    rf"(?:\s+{_IMG})?)"
)
_MANY: Final = r"(?:how\s+many|what\s+number\s+of)"
_NUMBER: Final = r"(?:(?:what\s+is|give|count)\s+)?(?:the\s+)?(?:total\s+)?(?:number|count)\s+of"
_COUNT: Final = r"(?:count|number)"

_OPENING: Final = rf"(?:{_MANY}|{_NUMBER}|{_COUNT}|(?:which|what))\s+"
_AND_AREA: Final = (
    r"(?:\s*,?\s+and\s+(?:(?:what|which|how\s+much)\s+(?P<area>area)\s+(?:do\s+(?:they|these)\s+"
    rf"{_COVERS}|is\s+covered\s+by\s+them|have\s+they)|(?:what\s+is\s+)?their\s+(?:total\s+)?"
    r"(?P<area2>area)))?"
)
_AND_COUNT: Final = (
    r"(?:\s*,?\s+and\s+how\s+many(?:\s+(?:are\s+(?:there|they|those)|(?:does|do)\s+(?:it|they)\s+"
    r"(?:have|show)|is\s+that|of\s+them(?:\s+are\s+there)?))?)?"
)
_AND_SHARE: Final = (
    rf"(?:\s*,?\s+and\s+(?:what|which|how\s+large\s+a)\s+(?P<share>{_SHARE})"
    rf"(?:\s+of\s+{_GROUND})?(?:\s+(?:is|are)\s+(?:that|those|they))?)?"
)
_NONE: Final = r"(?P<gone>$^)?"
_MADE: Final = (
    r"(?:\s+(?:(?:have|were|was|has)\s+(?:been\s+)?(?:built|added|constructed|erected)|appeared))?"
)
_RANKS: Final = r"(?:has|have|shows?|contains?|holds?|features?|with)"
_OWN: Final = (
    r"(?:have|has|shows?|contains?|holds?|features?|depicts?|(?:is|are)\s+there|can\s+you\s+see)"
)
_OPERATOR: Final = (
    r"(?P<operator>more\s+than|over|at\s+least|fewer\s+than|less\s+than|under|at\s+most|"
    r"no\s+more\s+than)"
)
_VALUE: Final = rf"(?P<value>\d+|{_NUM})"
_FAR: Final = r"(?:how\s+far(?:\s+away)?|at\s+(?:which|what)\s+distance|how\s+close)"
_CLOSEST: Final = r"(?:nearest|closest)"
_TOO: Final = (
    r"(?:\s*,?\s+and\s+(?:(?:how\s+far(?:\s+away)?|at\s+what\s+distance|in\s+(?:which|what)\s+"
    r"direction)(?:\s+away)?(?:\s+(?:is|are|does)\s+(?:it|they)(?:\s+lie)?)?))*"
)
_DRAWN: Final = (
    r"(?:outline|segment|delineate|highlight|mark|trace|mask|draw(?:\s+(?:the\s+)?outlines?\s+of)?)"
)
_FOUND: Final = r"(?:show|find|locate|map|detect|point\s+out)"
_MAPPED: Final = r"(?:\s+(?:on|in)\s+(?:a|the)\s+map)?(?:\s+and\s+count\s+them)?"

_TABLE: Final[tuple[tuple[str, ...], ...]] = (
    # what was not there before comes first: `how many buildings are new` is no count of buildings
    ("new", rf"(?P<count>{_MANY})\s+{_X}\s+{_DONE}{_TIME}"),
    ("new", rf"(?P<count>{_MANY})\s+(?:newly\s+built|new)\s+{_X}{_NONE}{_TAIL}{_MADE}{_TIME}"),
    (
        "new",
        rf"(?:{_NUMBER}|{_COUNT}(?:\s+the)?)(?P<count>)\s+(?:newly\s+built|new)\s+{_X}{_NONE}{_TIME}",
    ),
    (
        "new",
        rf"(?:(?:what|which|how\s+large\s+a|how\s+many)\s+|(?:what\s+is\s+)?the\s+)?(?P<share>{_SHARE})",
        rf"(?:\s+of\s+{_GROUND})?\s+(?:{_COVERED}|(?:is|are))\s+{_X}\s+{_DONE}{_TIME}",
    ),
    (
        "new",
        rf"(?:(?:what|which|how\s+large\s+a|how\s+many)\s+|(?:what\s+is\s+)?the\s+)?(?P<share>{_SHARE})",
        rf"(?:\s+of\s+{_GROUND})?\s+(?:(?:{_COVERED})|(?:is|are))\s+(?:newly\s+built|new)\s+{_X}{_NONE}{_TIME}",
    ),
    (
        "new",
        rf"(?:what|which|how\s+much)\s+(?:total\s+)?(?P<area>area)\s+{_COVERED}\s+{_X}\s+{_DONE}{_TIME}{_UNIT}",
    ),
    (
        "new",
        r"(?:what|which|how\s+much)\s+(?:total\s+)?(?P<area>area)\s+(?:(?:do|does)\s+(?:the\s+)?(?:newly\s+",
        rf"built|new)\s+{_X}\s+{_COVERS}|{_COVERED}\s+(?:newly\s+built|new)\s+(?P<xx>.+?)){_NONE}{_TIME}{_UNIT}",
    ),
    (
        "new",
        rf"(?:show|map|outline|mark|highlight|where\s+are)\s+(?:the\s+)?(?:newly\s+built|new)\s+{_X}{_NONE}{_TIME}",
    ),
    (
        "more",
        rf"(?:are\s+there|is\s+there|do\s+you\s+see|can\s+you\s+see)\s+(?P<less>more|fewer)\s+{_X}\s+(?:than|or)\s+(?:(?:more|fewer)\s+)?(?P<z>[^,;:]+?){_TAIL}(?:\s*,?\s+and\s+how\s+many\s+(?:of\s+each|are\s+there(?:\s+of\s+each)?))?",
    ),
    ("new", rf"(?P<count>{_MANY})\s+{_X}\s+(?:are|is)\s+there\s+{_DONE}{_TIME}"),
    (
        "new",
        rf"(?:is|are)\s+there(?P<count>)\s+{_ANY}(?:newly\s+built|new)\s+{_X}{_NONE}{_IN}{_TIME}",
    ),
    ("new", rf"(?:which|what)\s+{_X}\s+{_DONE}{_TIME}"),
    ("within", rf"{_OPENING}{_X}\s+{_NEAR}{_ANCHOR}{_IN}"),
    ("within", rf"{_NEAR}{_ANCHOR}{_IN}\s*,?\s+(?:{_MANY}|{_COUNT})\s+{_X}{_TAIL}"),
    ("within", rf"{_X}\s+{_NEAR}{_ANCHOR}{_IN}\s*[:,]\s*how\s+many(?:\s+are\s+there)?"),
    (
        "nearest",
        rf"{_FAR}\s+(?:is|are|lies|lie|does)\s+the\s+{_CLOSEST}\s+{_X}(?:\s+lie)?(?:\s+away)?\s+(?:from|to)\s+{_ANCHOR}{_IN}{_TOO}",
    ),
    (
        "nearest",
        rf"{_FAR}\s+(?:is|are|lies|lie)\s+{_ANCHOR}(?:\s+away)?\s+from\s+the\s+{_CLOSEST}\s+{_X}{_IN}{_TOO}",
    ),
    (
        "nearest",
        rf"(?:what\s+is\s+)?(?:the\s+)?distance\s+(?:from|between|of)\s+{_ANCHOR}\s+(?:to|and|from)\s+the\s+{_CLOSEST}\s+{_X}{_IN}",
    ),
    (
        "nearest",
        rf"(?:what\s+is\s+)?(?:the\s+)?distance\s+(?:from|between|of)\s+the\s+{_CLOSEST}\s+{_X}\s+(?:to|and|from)\s+{_ANCHOR}{_IN}",
    ),
    (
        "nearest",
        rf"(?:which|what)\s+{_X}\s+(?:is|lies)\s+(?:the\s+)?{_CLOSEST}\s+to\s+{_ANCHOR}{_IN}{_TOO}",
    ),
    ("nearest", rf"(?:which|what)\s+is\s+the\s+{_CLOSEST}\s+{_X}\s+to\s+{_ANCHOR}{_IN}{_TOO}"),
    ("most", rf"{_OF_THESE}\s+{_RANKS}\s+{_MOST}\s+{_X}{_AND_AREA}{_AND_COUNT}{_UNIT}"),
    (
        "most",
        rf"(?:in|on)\s+{_OF_THESE}\s+(?:are|is|can\s+you\s+see|do\s+you\s+see)(?:\s+there)?\s+{_MOST}\s+{_X}{_AND_AREA}{_AND_COUNT}{_UNIT}",
    ),
    (
        "bound",
        rf"(?:in\s+|on\s+)?{_OF_THESE}\s+(?:{_OWN}|are\s+there)\s+{_OPERATOR}\s+{_VALUE}\s+{_X}",
    ),
    ("shows", rf"{_OF_THESE}\s+{_RANKS}\s+(?:a|an|any|the)\s+{_X}"),
    (
        "shows",
        rf"(?:in|on)\s+{_OF_THESE}\s+(?:is|are|can\s+you\s+see|do\s+you\s+see)(?:\s+there)?\s+(?:a|an|any|the)\s+{_X}",
    ),
    ("present", rf"(?:is|are)\s+there\s+{_ANY}{_X}{_TAIL}"),
    ("present", rf"(?:(?:can|do)\s+you\s+(?:see|find|spot)|see)\s+{_ANY}{_X}{_TAIL}"),
    ("present", rf"(?:is|are)\s+{_ANY}{_X}\s+(?:visible|shown|(?:to\s+be\s+)?seen){_IN}"),
    ("present", rf"can\s+{_ANY}{_X}\s+be\s+(?:seen|found|spotted){_IN}"),
    ("present", rf"(?:does|do)\s+{_THE}\s+{_IMG}\s+(?:show|contain|have|include)\s+{_ANY}{_X}"),
    (
        "measure",
        rf"(?:what|which|how\s+much)\s+(?:total\s+)?(?P<area>area)(?:\s+of\s+{_GROUND})?\s+(?:(?:do|does)\s+{_X}\s+",
        rf"{_COVERS}|{_COVERED}\s+(?P<xx>[^,;:]+?)){_IN}{_UNIT}{_AND_SHARE}",
    ),
    (
        "measure",
        rf"how\s+(?:large|big)\s+is\s+(?:the\s+)?(?:total\s+)?(?P<area>area)\s+(?:of|{_COVERED})\s+{_X}{_IN}{_UNIT}{_AND_SHARE}",
    ),
    (
        "measure",
        rf"(?:what\s+is\s+)?(?:the\s+)?(?:total\s+)?(?P<area>area)\s+(?:of|{_COVERED})\s+{_X}{_IN}{_UNIT}{_AND_SHARE}",
    ),
    (
        "measure",
        rf"(?:what|which|how\s+large\s+a|how\s+many)\s+(?P<share>{_SHARE})(?:\s+of\s+{_GROUND})?\s+",
        rf"(?:(?:{_COVERED}|is|are)\s+{_X}|(?:do|does)\s+(?P<xx>[^,;:]+?)\s+{_COVERS}){_IN}",
    ),
    (
        "measure",
        rf"how\s+much(?:\s+of\s+{_GROUND}|\s+(?:land|ground|surface))?\s+(?:{_COVERED}\s+{_X}|",
        rf"(?:do|does)\s+(?P<xx>[^,;:]+?)\s+{_COVERS}){_IN}",
    ),
    (
        "measure",
        rf"(?:what\s+is\s+)?(?:the\s+)?(?P<share>{_SHARE})(?:\s+of\s+{_GROUND})?\s+(?:{_COVERED}|of)\s+{_X}{_IN}",
    ),
    (
        "measure",
        rf"{_MANY}\s+(?P<unit>{_UNITS})(?P<area>)\s+(?:(?:do|does)\s+{_X}\s+{_COVERS}|",
        rf"(?:are\s+)?{_COVERED}\s+(?P<xx>[^,;:]+?)){_IN}{_AND_SHARE}",
    ),
    ("measure", rf"{_MANY}\s+(?P<unit>{_UNITS})(?P<area>)\s+of\s+{_X}{_TAIL}"),
    ("map_open", rf"where\s+(?:are|is|can\s+(?:i|we|you)\s+(?:see|find))(?:\s+the)?\s+{_X}{_IN}"),
    ("map_open", rf"{_DRAWN}\s+(?:me\s+)?(?:all\s+|every\s+)?{_X}{_IN}{_MAPPED}"),
    (
        "map",
        rf"{_FOUND}\s+(?:me\s+)?(?:all\s+|every\s+)?(?:where\s+)?{_X}(?:\s+are)?{_IN}{_MAPPED}",
    ),
    (
        "describe",
        rf"(?:describe|caption|summari[sz]e)\s+(?:what\s+(?:is|can\s+be)\s+(?:seen|shown|visible)\s+(?:in|on)\s+)?{_THE}\s+{_IMG}(?:\s+(?:in\s+(?:a\s+few\s+|one\s+|a\s+)?(?:words|sentences?|detail)|briefly|shortly))?",
    ),
    (
        "describe",
        rf"what\s+(?:can\s+(?:be\s+seen|(?:you|i|we|one)\s+see)|is\s+(?:visible|shown|seen|to\s+be\s+seen|there(?:\s+to\s+see)?)|do\s+you\s+see|is)(?:\s+(?:in|on)\s+{_THE}\s+{_IMG}|\s+here)",
    ),
    ("describe", r"(?:what\s+do\s+you\s+see|(?:describe|caption|summari[sz]e)\s+(?:this|it))"),
    ("describe", rf"what\s+(?:does|do)\s+{_THE}\s+{_IMG}\s+(?:show|contain|depict)"),
    (
        "describe",
        rf"(?:(?:give|write|make)\s+(?:me\s+)?)?(?:a|the)\s+(?:short\s+)?(?:caption|description|summary)\s+(?:of|for)\s+{_THE}\s+{_IMG}",
    ),
    ("count", rf"{_MANY}\s+{_XS}{_TAIL}"),
    ("count", rf"(?:{_NUMBER}|{_COUNT})\s+{_XS}{_TAIL}"),
)
SHAPES: Final = tuple((kind, re.compile("".join(parts), re.IGNORECASE)) for kind, *parts in _TABLE)
"""Kind of question and the shape of a whole sentence that asks it; the first that fits is tried."""
