"""What a reasoner is told, and what of its words nothing backs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.contracts.figure import Figure
from eoagent.contracts.raster import Grid
from eoagent.contracts.reasoner import Reply
from eoagent.io.origin import OriginGuard
from eoagent.io.reasoncontext import measured_figures, passages_for, told

_PLACES = [
    {"id": "pier", "text": "The Molo Audace is a pier of 246 m.", "lon": 13.766, "lat": 45.652},
    {"id": "far", "text": "Nothing of note.", "lon": -60.0, "lat": 10.0},
]
_TRIESTE = Grid(
    width=10, height=10, crs="EPSG:4326", transform=(0.001, 0, 13.76, 0, -0.001, 45.656)
)
_PICTURE = np.zeros((28, 28, 3), np.uint8)


def _figure(**changes):
    said = {
        "id": "f1",
        "step": 1,
        "name": "gained",
        "value": 11_125_368.4,
        "unit": "m2",
        "label": "area of water gained",
        "method": "counted",
        "error": 177_853.0,
    }
    return Figure.model_validate({**said, **changes})


def _reply(answer):
    return Reply(status="found", answer=answer)


@pytest.fixture
def knowing(services, tmp_path):
    def make(rows=_PLACES, **changes):
        path = tmp_path / "places.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows))
        options = replace(services.options, knowledge=str(path))
        origins = OriginGuard(typed=[str(path)])
        return replace(services, options=options, origins=origins, **changes)

    return make


def test_all_that_is_told_stands_in_one_text(knowing):
    hits, notes = passages_for(knowing(), "how long is the pier", _TRIESTE, _PICTURE)
    one = told(legends=["Picture 1 shows it.", ""], figures=[_figure()], passages=hits)
    parts = one.text.split("\n\n")
    assert parts[0] == "Picture 1 shows it."
    assert parts[1].endswith("- area of water gained: 1.11254e+07 ± 1.779e+05 m2")
    assert "[pier] The Molo Audace is a pier of 246 m." in one.text
    assert [hit.passage.id for hit in hits] == ["pier"]
    assert notes == ()
    assert one.notes == (
        "the model was told what was measured (f1), and words it",
        (
            "the model was shown the passage [pier], found by 100 % of the question's words and "
            "its place"
        ),
    )


def test_an_answer_rests_on_the_passages_that_it_cites(knowing):
    hits, _ = passages_for(knowing(), "how long is the pier", _TRIESTE, _PICTURE)
    one = told(passages=hits)
    reply = _reply("It is 246 m long [pier].")
    (source,) = one.sources(reply)
    assert source.item_id == "passage pier"
    assert source.href.endswith("places.jsonl")
    assert source.fingerprint.kind == "sha256"
    assert one.doubts("how long?", reply) == ()


def test_invented_numbers_and_citations_are_told(knowing):
    hits, _ = passages_for(knowing(), "how long is the pier", _TRIESTE, _PICTURE)
    one = told(passages=hits, figures=[_figure()])
    assert one.doubts("q", _reply("It is 300 m long [atlas].")) == (
        "numbers that the model wrote and nobody measured: 300",
        "the model cites what it was not shown: atlas",
        "the model cites none of the passages that it was shown",
    )
    assert one.doubts("q", _reply("11.13 km2 ± 0.18 were gained [pier]")) == ()


def test_numbers_of_the_question_are_no_invention():
    assert told().doubts("what happened in 2011?", _reply("a storm in 2011")) == ()
    assert told().sources(_reply("anything [x]")) == ()


def test_without_a_knowledge_base_nothing_is_looked_up(services):
    assert passages_for(services, "pier", _TRIESTE, _PICTURE) == ((), ())


def test_a_base_that_says_nothing_of_it_is_told(knowing):
    hits, notes = passages_for(
        knowing(), "population of Nairobi", Grid(width=9, height=9), _PICTURE
    )
    assert hits == ()
    assert notes == ("no passage of 'places.jsonl' speaks of it",)


def test_pictures_of_the_base_are_compared_by_the_model_that_made_them(knowing, meaning):
    encoder = meaning.ColourEncoder()
    blue = np.zeros((32, 32, 3), np.uint8) + np.array(meaning.COLOURS["water"], np.uint8)
    vector = encoder.encode_images([blue])[0].tolist()
    rows = [{"id": "lake", "text": "A lake.", "embedding": vector, "encoder": "colours"}]

    class Models:
        def encoder(self, card):
            assert card == "colours"
            return encoder

    hits, _ = passages_for(knowing(rows, models=Models()), "what?", Grid(width=9, height=9), blue)
    assert [(hit.passage.id, hit.by) for hit in hits] == [("lake", ("picture",))]

    class NoModel:
        def encoder(self, card):
            raise ModelMissing(f"{card} is not installed", command=f"eoagent models pull {card}")

    hits, notes = passages_for(
        knowing(rows, models=NoModel()), "what?", Grid(width=9, height=9), blue
    )
    assert hits == ()
    assert notes[0].startswith("the pictures of 'places.jsonl' were not compared: ")
    assert "eoagent models pull colours" in notes[0]


def test_figures_are_named_by_id_and_others_refused():
    known = {"f1": _figure()}
    assert measured_figures(["f1"], known) == measured_figures(["figure:f1"], known)
    with pytest.raises(InputError) as caught:
        measured_figures(["f9"], known)
    assert str(caught.value) == "'f9' is no figure of this run"
    assert caught.value.hint == "name what an earlier step measured ($1.area); known: f1"
