"""A scripted model answers only when it is shown the planted target in full detail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import BudgetExceeded
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.contracts.reasoner import Grounding, Reply
from eoagent.contracts.zoom import Visit, ZoomRules
from eoagent.geo.sceneview import view_window
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster
from eoagent.io.viewpicture import ViewPictures
from eoagent.io.zoomed import join_visits
from eoagent.io.zooming import Zooming

_SIDE = 2400
_TARGETS = ((300, 1900), (1500, 700))
"""Row and column of red squares of 12 pixels, which an overview of 120 pixels blurs away."""
_SMALL = ZoomRules(picture_px=120 * 120, tiles=30, tokens=1_000_000)


class Clock:
    """Time that is over after some questions, or never."""

    def __init__(self, left=1_000):
        self._left = left

    def check(self):
        self._left -= 1
        if self._left < 0:
            raise BudgetExceeded("the time is over")


class Finder:
    """Finds squares that are purely red; says what it was shown."""

    def __init__(self, *, tokens=0, wish=None, coarse=()):
        self.shown = []
        self.contexts = []
        self.zoomed = []
        self._tokens = tokens
        self._wish = wish
        self._coarse = coarse

    def _boxes(self, picture):
        rows, cols = np.nonzero((picture[..., 0] == 255) & (picture[..., 1] == 0))
        if not len(rows):
            return np.zeros((0, 4))
        return np.array([[cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]], float)

    def ground(self, picture, question, *, on_text=None):
        self.shown.append(picture.shape)
        boxes = self._boxes(picture)
        if len(self.shown) == 1 and len(self._coarse):
            boxes = np.array(self._coarse, float)
        status = "found" if len(boxes) else "none"
        return Grounding(
            reply=Reply(status=status, answer="", input_tokens=self._tokens),
            boxes=boxes,
            points=(boxes[:, :2] + boxes[:, 2:]) / 2,
            labels=("square",) * len(boxes),
        )

    def answer(self, pictures, question, *, context="", zoom=None, on_text=None):
        self.shown += [picture.shape for picture in pictures]
        self.contexts.append(context)
        seen = list(pictures)
        for box in self._wish or ():
            try:
                seen.append(zoom(box))
                self.zoomed.append(box)
            except BudgetExceeded:
                break
        is_there = any(len(self._boxes(picture)) for picture in seen)
        return Reply(status="found", answer="red" if is_there else "nothing")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    values = np.full((3, _SIDE, _SIDE), 90, np.uint8)
    for row, col in _TARGETS:
        values[:, row : row + 12, col : col + 12] = np.array([255, 0, 0])[:, None, None]
    path = tmp_path_factory.mktemp("zoom") / "large.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=_SIDE,
        height=_SIDE,
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000),
    ) as out:
        out.write(values)
    return path


@pytest.fixture
def zooming(scene):
    guard = OriginGuard(typed=[str(scene)])
    ref = open_raster([str(scene)], guard, bands=["red", "green", "blue"])
    with RasterReader(ref, guard) as reader:
        pictures = ViewPictures(reader)

        def make(model, rules=_SMALL, candidates=(), deadline=None):
            return Zooming(
                pictures,
                model,
                ref.grid,
                candidates=candidates,
                rules=rules,
                deadline=deadline or Clock(),
                progress=lambda done, what: None,
            )

        yield make


def _part(row, col, side=120):
    return Window(row=row, col=col, height=side, width=side)


_RIGHT = (_part(260, 1850), _part(1450, 660))
_WRONG = tuple(_part(10 + 200 * n, 20) for n in range(5))


def test_the_right_parts_give_exact_boxes_in_pixels_of_the_scene(zooming):
    parts = [(_WRONG[0], 2.0), (_RIGHT[0], 1.9), (_RIGHT[1], 1.8)]
    found = zooming(Finder(), candidates=parts).ground("the red squares")
    assert found.status == "found"
    want = sorted([c, r, c + 12, r + 12] for r, c in _TARGETS)
    assert sorted(found.boxes.tolist()) == want
    assert [visit.by for visit in found.visits] == ["overview", *["likeness"] * 3]
    assert [visit.found for visit in found.visits] == [0, 0, 1, 1]
    assert [visit.score for visit in found.visits] == [None, 2.0, 1.9, 1.8]
    assert set(found.origins) == {2, 3}


def test_without_the_right_part_the_model_finds_nothing(zooming):
    found = zooming(Finder(), candidates=[(part, 1.0) for part in _WRONG]).ground("squares")
    assert found.status == "none"
    assert found.boxes.shape == (0, 4)
    assert len(found.replies) == 6


def test_what_the_overview_shows_coarsely_is_looked_at_closer_and_replaced(zooming):
    row, col = _TARGETS[0]
    scale = _SIDE / 120
    coarse = [[col / scale - 1, row / scale - 1, col / scale + 2, row / scale + 2]]
    found = zooming(Finder(coarse=coarse)).ground("the red square")
    assert found.boxes.tolist() == [[col, row, col + 12, row + 12]]
    assert [visit.by for visit in found.visits] == ["overview", "model"]
    assert found.origins == (1,)


def test_a_coarse_box_that_nothing_confirms_gives_way(zooming):
    found = zooming(Finder(coarse=[[10, 10, 14, 14]])).ground("the red square")
    assert found.status == "none"
    assert len(found.visits) == 2


@pytest.mark.parametrize("tiles", [0, 1, 3])
def test_no_more_parts_than_allowed_are_looked_at(zooming, tiles):
    model = Finder()
    rules = ZoomRules(picture_px=14_400, tiles=tiles, tokens=1_000_000)
    found = zooming(model, rules, [(part, 1.0) for part in _WRONG]).ground("squares")
    assert len(model.shown) == tiles + 1
    assert f"no more was looked at: {tiles} parts and 1,000,000 tokens are allowed" in found.notes


def test_tokens_that_the_model_says_it_read_are_counted(zooming):
    model = Finder(tokens=10_000)
    rules = ZoomRules(picture_px=14_400, tiles=30, tokens=25_000)
    zooming(model, rules, [(part, 1.0) for part in _WRONG]).ground("squares")
    assert len(model.shown) == 3  # after the third 30,000 would have been read


def test_an_overview_that_takes_more_than_all_tokens_is_refused(zooming):
    model = Finder()
    rules = ZoomRules(picture_px=14_400, tokens=100)
    for ask in ("ground", "answer"):
        with pytest.raises(BudgetExceeded) as caught:
            getattr(zooming(model, rules), ask)("squares")
        assert str(caught.value) == "the overview takes about 725 tokens, and 100 are allowed"
    assert model.shown == []


def test_parts_that_are_nearly_the_same_are_looked_at_once(zooming):
    model = Finder()
    parts = [(_part(10, 10), 1.0), (_part(15, 12), 0.9), (_part(400, 400), 0.8)]
    zooming(model, candidates=parts).ground("squares")
    assert len(model.shown) == 3


def test_time_that_is_over_ends_it(zooming):
    model = Finder()
    parts = [(part, 1.0) for part in _WRONG]
    with pytest.raises(BudgetExceeded, match="the time is over"):
        zooming(model, candidates=parts, deadline=Clock(2)).ground("squares")
    assert len(model.shown) == 2


def test_an_answer_is_asked_with_the_overview_and_the_likeliest_parts(zooming):
    model = Finder()
    told = zooming(model, candidates=[(_RIGHT[0], 3.0), (_WRONG[0], 1.0)]).answer(
        "which colour?", context="Passage."
    )
    assert told.reply.answer == "red"
    assert [visit.window for visit in told.visits[1:]] == [_RIGHT[0], _WRONG[0]]
    assert (
        "Picture 2 shows the box [92, 13, 98, 19] of picture 1 in full detail."
        in (model.contexts[0])
    )
    assert model.contexts[0].endswith("\n\nPassage.")
    assert told.notes[-1].startswith("the image of 2400 x 2400 pixels was looked at as a whole of")


def test_without_candidates_the_overview_alone_does_not_answer(zooming):
    assert zooming(Finder()).answer("which colour?").reply.answer == "nothing"


def test_the_models_own_wish_shows_the_target_in_full_detail(zooming):
    row, col = _TARGETS[1]
    scale = _SIDE / 120
    box = (col / scale - 1, row / scale - 1, col / scale + 1, row / scale + 1)
    model = Finder(wish=[box])
    told = zooming(model).answer("which colour?")
    assert told.reply.answer == "red"
    assert [visit.by for visit in told.visits] == ["overview", "model"]
    window = told.visits[1].window
    assert window.row <= row < window.row + window.height
    assert window.col <= col < window.col + window.width


def test_wishes_beyond_the_budget_are_not_granted(zooming):
    model = Finder(wish=[(0, 0, 5, 5), (20, 20, 25, 25), (40, 40, 45, 45)])
    rules = ZoomRules(picture_px=14_400, tiles=2, tokens=1_000_000)
    told = zooming(model, rules).answer("which colour?")
    assert len(model.zoomed) == 2
    assert len(told.visits) == 3


class Wisher(Finder):
    """Keeps what it is told of wishes that are not granted."""

    def answer(self, pictures, question, *, context="", zoom=None, on_text=None):
        self.refused = []
        for box in self._wish:
            try:
                zoom(box)
            except BudgetExceeded as error:
                self.refused.append(str(error))
        return Reply(status="found", answer="red")


_NAN = float("nan")


@pytest.mark.parametrize(
    "box", [(500, 500, 600, 600), (_NAN,) * 4, (3, 3, 3, 9), (9, 9, 3, 3), (0, 0, _NAN, 5)]
)
def test_a_wish_for_nothing_is_not_granted_and_the_question_goes_on(zooming, box):
    model = Wisher(wish=[box])
    told = zooming(model).answer("which colour?")
    assert model.refused == ["the part that was asked for has no area in the first picture"]
    assert told.reply.answer == "red"
    assert len(told.visits) == 1


def test_a_wish_narrower_than_a_pixel_is_granted(zooming):
    model = Wisher(wish=[(50.2, 50.2, 50.4, 50.4)])
    assert len(zooming(model).answer("which colour?").visits) == 2
    assert model.refused == []


def test_every_turn_of_wishes_is_read_from_its_beginning(zooming):
    model = Wisher(wish=[(5, 5, 9, 9), (30, 30, 35, 35), (60, 60, 65, 65)])
    rules = ZoomRules(picture_px=14_400, tiles=30, tokens=725 + (725 * 2) + (725 * 3))
    told = zooming(model, rules).answer("which colour?")
    assert len(told.visits) == 3
    assert model.refused == ["no more parts may be looked at"]


@pytest.fixture
def holed(tmp_path):
    """A scene of which the left half is without data, and how to ask about it."""
    path = tmp_path / "holed.tif"
    values = np.full((3, 400, 800), 90, np.uint8)
    values[:, :, :400] = 0
    profile = {"driver": "GTiff", "width": 800, "height": 400, "count": 3, "dtype": "uint8"}
    place = {"crs": "EPSG:32633", "transform": Affine(1, 0, 500_000, 0, -1, 5_000_000)}
    with rasterio.open(path, "w", nodata=0, **profile, **place) as out:
        out.write(values)
    guard = OriginGuard(typed=[str(path)])
    ref = open_raster([str(path)], guard, bands=["red", "green", "blue"])
    with RasterReader(ref, guard) as reader:
        pictures = ViewPictures(reader)

        def make(model, candidates=(), side=120):
            return Zooming(
                pictures,
                model,
                ref.grid,
                candidates=candidates,
                rules=ZoomRules(picture_px=side * side, tiles=30, tokens=1_000_000),
                deadline=Clock(),
                progress=lambda done, what: None,
            )

        yield make


def test_a_part_without_data_is_passed_over_and_told(holed):
    parts = [(_part(10, 10), 2.0), (_part(10, 600), 1.0)]
    for ask in ("ground", "answer"):
        model = Finder()
        found = getattr(holed(model, parts), ask)("squares")
        assert [visit.window.col for visit in found.visits] == [0, 600]
        note = "the part from column 10, row 10 on has no valid pixel and was passed over"
        assert note in found.notes
        assert len(model.shown) == 2


def test_a_wish_for_what_is_without_data_costs_nothing(holed):
    model = Wisher(wish=[(10, 10, 20, 20)])
    told = holed(model).answer("which colour?")
    assert model.refused == ["the part that was asked for has no valid pixel"]
    assert len(told.visits) == 1


def test_an_overview_in_full_detail_is_not_looked_at_again(holed):
    coarse = [[500, 100, 520, 120]]
    model = Finder(coarse=coarse)
    found = holed(model, [(_part(10, 600), 1.0)], side=896).ground("squares")
    assert found.boxes.tolist() == coarse
    assert len(model.shown) == 1
    wisher = Wisher(wish=[(500, 100, 520, 120)])
    assert len(holed(wisher, [(_part(10, 600), 1.0)], side=896).answer("x").visits) == 1
    assert wisher.refused == ["the first picture shows that part in the same detail already"]


_GRID = Grid(width=400, height=400)


def _seen(row, col, side, boxes):
    window = Window(row=row, col=col, height=side, width=side)
    array = np.array(boxes, float).reshape(-1, 4)
    found = Grounding(
        reply=Reply(status="found" if len(array) else "none", answer=""),
        boxes=array,
        points=(array[:, :2] + array[:, 2:]) / 2,
        labels=("",) * len(array),
    )
    by = "overview" if side == 400 else "likeness"
    return view_window(_GRID, window, most_pixels=160_000), Visit(window=window, by=by), found


def test_an_object_that_two_parts_show_is_one_and_the_whole_one_stays():
    held = [
        _seen(0, 0, 400, []),
        _seen(0, 0, 100, [[80, 10, 100, 30]]),  # cut at its right edge
        _seen(0, 60, 100, [[20, 10, 45, 30]]),
    ]
    joined = join_visits(held)
    assert joined.boxes.tolist() == [[80, 10, 105, 30]]
    assert joined.origins == (2,)


def test_an_object_larger_than_a_part_is_not_lost_to_it():
    held = [_seen(0, 0, 400, [[20, 20, 380, 380]]), _seen(150, 150, 100, [])]
    assert join_visits(held).boxes.tolist() == [[20, 20, 380, 380]]
    held = [_seen(0, 0, 400, [[160, 160, 180, 180]]), _seen(150, 150, 100, [])]
    assert join_visits(held).status == "none"


@pytest.mark.parametrize("status", ["unparseable", "truncated"])
def test_what_cannot_be_read_takes_nothing_away_from_the_overview(status):
    view, visit, nothing = _seen(150, 150, 100, [])
    unread = replace(nothing, reply=Reply(status=status, answer=""))
    overview = _seen(0, 0, 400, [[160, 160, 180, 180]])
    joined = join_visits([overview, (view, visit, unread)])
    assert joined.boxes.tolist() == [[160, 160, 180, 180]]


def test_labels_and_points_that_a_model_left_out_are_empty_and_the_middle():
    view, visit, found = _seen(0, 0, 400, [[10, 10, 20, 30], [50, 50, 60, 60]])
    short = replace(found, labels=("pier",), points=np.array([[11.0, 12.0]]))
    joined = join_visits([(view, visit, short)])
    assert joined.labels == ("pier", "")
    assert joined.points.tolist() == [[11, 12], [55, 55]]


def test_masks_that_the_model_wrote_are_told_of():
    view, visit, found = _seen(0, 0, 400, [[10, 10, 20, 30]])
    masked = replace(found, mask=np.ones((400, 400), bool))
    (note,) = join_visits([(view, visit, masked)]).notes
    assert note.startswith("the model itself wrote masks of 1 of 1 pictures; the boxes around")
    assert join_visits([(view, visit, found)]).notes == ()


def test_what_could_not_be_read_is_told_apart_from_nothing():
    view, visit, found = _seen(0, 0, 400, [])
    for status in ("unparseable", "truncated"):
        broken = Grounding(
            reply=Reply(status=status, answer=""),
            boxes=found.boxes,
            points=found.points,
            labels=(),
        )
        assert join_visits([(view, visit, found), (view, visit, broken)]).status == status


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 370), st.integers(0, 370), st.integers(5, 25)),
        min_size=1,
        max_size=6,
    ),
    st.integers(100, 200),
)
def test_objects_apart_are_found_once_each_however_the_parts_overlap(squares, side):
    apart = []
    for row, col, size in squares:
        if all(abs(row - r) > 30 or abs(col - c) > 30 for r, c, _ in apart):
            apart.append((row, col, size))
    starts = [*range(0, 400 - side, side - 40), 400 - side]
    held = [_seen(0, 0, 400, [])]
    for top in starts:
        for left in starts:
            boxes = []
            for row, col, size in apart:
                x1, y1 = max(col - left, 0), max(row - top, 0)
                x2, y2 = min(col + size - left, side), min(row + size - top, side)
                if x2 - x1 > size / 2 and y2 - y1 > size / 2:
                    boxes.append([x1, y1, x2, y2])
            held.append(_seen(top, left, side, boxes))
    joined = join_visits(held)
    assert sorted(joined.boxes.tolist()) == sorted([c, r, c + s, r + s] for r, c, s in apart)
