"""Marks stand for the data folder and for handles, and every other text comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage, ToolMessage

from eoagent.app.marks import Marks
from eoagent.contracts.errors import InputError, ModelError

HERE, THERE = Path("/here/data"), Path('/over there/"the" data')
FIRST, SECOND, THIRD = "raster:0123456789ab", "mask:abcdefabcdef", "features:111111111111"


def _seen(*texts, data=HERE):
    marks = Marks(data)
    marks.see([HumanMessage(content=text) for text in texts])
    return marks


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("open /here/data/a.tif", "open {data}/a.tif"),
        ('{"hrefs": ["/here/data/a b.tif"]}', '{"hrefs": ["{data}/a b.tif"]}'),
        ("all of /here/data.", "all of {data}."),
        ("file:///here/data/x", "file://{data}/x"),
        ("/here/database/a.tif", "/here/database/a.tif"),
        ("/here/data-2/a.tif", "/here/data-2/a.tif"),
        ("/here/data.zip", "/here/data.zip"),
        ("/mnt/here/data/a.tif", "/mnt/here/data/a.tif"),
        ("{f3} and {f3:ha}", "{f3} and {f3:ha}"),
        ("{data} {handle-1} {$2.mask} {=data}", "{=data} {=handle-1} {=$2.mask} {==data}"),
    ],
)
def test_the_data_folder_is_hidden_as_a_whole_and_marks_in_a_text_are_kept_apart(text, hidden):
    assert Marks(HERE).hide(text) == hidden
    assert Marks(HERE).show(hidden) == text


def test_a_folder_behind_a_link_is_hidden_by_both_names(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    marks = Marks(tmp_path / "link")
    assert marks.hide(f"{tmp_path}/link/a {tmp_path}/real/a") == "{data}/a {data}/a"
    assert marks.show("{data}/a") == str(tmp_path / "real" / "a")


def test_the_root_of_the_disk_is_no_data_folder():
    assert Marks(Path("/")).hide("1/2 and /a") == "1/2 and /a"


def test_a_path_in_arguments_is_quoted_as_json_wants_it():
    arguments = json.dumps({"href": "/here/data/a.tif"})
    there = Marks(THERE)
    shown = there.show(Marks(HERE).hide(arguments), is_json=True)
    assert json.loads(shown) == {"href": f"{THERE}/a.tif"}
    assert there.hide(shown) == '{"href": "{data}/a.tif"}'


def test_letters_that_json_escapes_are_found_too():
    folder = Path("/数据")
    assert Marks(folder).hide('{"href": "/\\u6570\\u636e/a"}') == '{"href": "{data}/a"}'


def test_handles_become_the_step_they_came_from_or_a_number():
    told = f"step 2 done\n<data>\n$2 = {FIRST} {{}}\n$2.mask = {SECOND}\n</data>"
    marks = _seen(f"earlier: {THIRD}, {FIRST}", told)
    text = f"{FIRST} {SECOND} {THIRD}"
    assert marks.hide(text) == "{$2} {$2.mask} {handle-1}"
    assert marks.show("{$2} {$2.mask} {handle-1}") == text


def test_other_handles_stand_where_the_same_steps_are_told():
    here = _seen(f"$1 = {FIRST}\n$2 = {SECOND}")
    there = _seen("$1 = raster:999999999999\n$2 = mask:888888888888", data=THERE)
    hidden = here.hide(f'{{"a": "{SECOND}", "b": ["{FIRST}"]}}')
    assert there.show(hidden) == '{"a": "mask:888888888888", "b": ["raster:999999999999"]}'


def test_a_handle_that_nobody_was_shown_stays_as_it_is():
    marks = _seen(FIRST)
    assert marks.hide(SECOND) == SECOND
    assert Marks(None).show(SECOND) == SECOND
    assert marks.hide(f"{FIRST}0") == f"{FIRST}0"


def test_a_handle_keeps_its_first_mark():
    marks = _seen(FIRST)
    marks.see([ToolMessage(content=f"$1 = {FIRST}\n$2 = {SECOND}", tool_call_id="x")])
    assert marks.hide(f"{FIRST} {SECOND}") == "{handle-1} {$2}"


def test_a_mark_without_a_handle_here_says_that_the_run_goes_another_way():
    with pytest.raises(
        ModelError, match=r"shown a handle as \$3, and there is none here"
    ) as raised:
        Marks(HERE).show("{$3}")
    assert raised.value.hint == "record the run again"


def test_a_recording_of_files_needs_to_know_where_they_are():
    with pytest.raises(InputError, match="none was given") as raised:
        Marks(None).show("{data}/a.tif")
    assert raised.value.hint == "name the folder that holds the data"
