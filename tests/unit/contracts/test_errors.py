"""The error tree, the exit codes, and what each error says to its reader."""

from __future__ import annotations

import pytest

from eoagent.contracts import errors
from eoagent.contracts.errors import (
    BudgetExceeded,
    EoAgentError,
    InputError,
    InternalError,
    ModelError,
    ModelMissing,
    NotFound,
    SourceError,
    exit_code,
)

_CODES = {
    InputError("x"): 3,
    NotFound("x"): 3,
    SourceError("x", href="h"): 4,
    ModelMissing("x", command="c"): 5,
    ModelError("x"): 5,
    BudgetExceeded("x"): 6,
    InternalError("x"): 1,
    EoAgentError("x"): 1,
}


@pytest.mark.parametrize(("error", "code"), _CODES.items(), ids=lambda v: getattr(v, "kind", v))
def test_each_error_ends_a_command_with_its_documented_code(error, code):
    assert exit_code(error) == code


def test_every_class_of_the_tree_has_a_code():
    public = [getattr(errors, name) for name in errors.__all__]
    tree = {c for c in public if isinstance(c, type) and issubclass(c, EoAgentError)}
    assert tree == {type(error) for error in _CODES}


def test_a_class_made_elsewhere_has_the_code_of_the_nearest_listed_one():
    class Renamed(NotFound):
        pass

    assert exit_code(Renamed("x")) == 3
    assert Renamed("x").kind == "Renamed"


def test_the_codes_cannot_be_changed():
    with pytest.raises(TypeError):
        errors.EXIT_CODES[InputError] = 0


def test_no_code_is_that_of_success_of_usage_or_of_an_interrupt():
    assert not {0, 2, 130} & set(errors.EXIT_CODES.values())
    assert exit_code(BudgetExceeded("x")) == errors.EXIT_ASKED_BACK


def test_what_is_not_found_can_be_repaired_like_any_input():
    assert issubclass(NotFound, InputError)
    assert not issubclass(SourceError, InputError)


def test_an_error_explains_itself_with_its_hint_and_without():
    assert InputError("no band", hint="name one").explain() == "no band (name one)"
    assert InputError("no band").explain() == "no band"
    assert InputError("no band").hint == ""


def test_a_source_error_names_its_place_and_a_missing_model_the_command():
    assert SourceError("cut short", href="https://x.org/a.tif").href == "https://x.org/a.tif"
    missing = ModelMissing("no weights", command="eoagent models pull clip")
    assert missing.command == "eoagent models pull clip"
    assert missing.explain() == "no weights (run: eoagent models pull clip)"
    assert ModelMissing("no weights", command="c", hint="or none").hint == "or none"


def test_an_error_must_say_where_and_how():
    with pytest.raises(TypeError):
        SourceError("x")
    with pytest.raises(TypeError):
        ModelMissing("x")
    with pytest.raises(TypeError):
        InputError("x", "a hint by position")
