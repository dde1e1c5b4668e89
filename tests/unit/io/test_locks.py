"""Locks between processes: shared, exclusive, and gone with their holder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.io.locks import Owner, hold, is_alive, sweep_dead

_HOLDER = """
import sys, time
from pathlib import Path
from eoagent.io.locks import Owner, hold
owner = Owner(Path(sys.argv[1]) / "owners")
with hold(Path(sys.argv[1]) / "lock", exclusive=True):
    print(owner.token, flush=True)
    time.sleep(60)
"""


def test_two_may_share_a_lock(tmp_path):
    with hold(tmp_path / "lock", exclusive=False), hold(tmp_path / "lock", exclusive=False):
        pass


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_an_exclusive_lock_is_alone(tmp_path, first, second):
    lock = tmp_path / "lock"
    refusal = pytest.raises(SourceError, match=r"is locked: another process has held it for 0.01 s")
    with hold(lock, exclusive=first), refusal, hold(lock, exclusive=second, timeout_s=0.01):
        pass
    with hold(tmp_path / "lock", exclusive=second, timeout_s=0.01):
        pass


def test_a_lock_in_a_missing_folder_is_a_typed_error(tmp_path):
    refusal = pytest.raises(SourceError, match="cannot be written: No such file")
    with refusal, hold(tmp_path / "none" / "lock", exclusive=True):
        pass


def test_an_owner_lives_until_it_is_closed(tmp_path):
    owner = Owner(tmp_path)
    assert is_alive(tmp_path, owner.token)
    assert list(sweep_dead(tmp_path)) == []
    owner.close()
    owner.close()
    assert not is_alive(tmp_path, owner.token)
    assert list(tmp_path.iterdir()) == []


def test_an_owner_that_was_forgotten_reads_as_dead(tmp_path):
    token = Owner(tmp_path).token
    assert not is_alive(tmp_path, token)
    assert list(sweep_dead(tmp_path)) == [token]
    assert list(sweep_dead(tmp_path)) == []


def test_a_killed_process_gives_back_its_lock_and_its_sign_of_life(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        token = child.stdout.readline().strip()
        assert is_alive(tmp_path / "owners", token)
        refusal = pytest.raises(SourceError, match="is locked")
        with refusal, hold(tmp_path / "lock", exclusive=False, timeout_s=0.01):
            pass
        child.kill()
    assert not is_alive(tmp_path / "owners", token)
    with hold(tmp_path / "lock", exclusive=True, timeout_s=0.01):
        pass
    assert list(sweep_dead(tmp_path / "owners")) == [token]
