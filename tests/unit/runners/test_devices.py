"""Where a model runs, and in what precision."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.contracts.runner import Placement
from eoagent.runners import devices
from eoagent.runners.devices import arithmetic, choose_placement, cpu_has_bfloat16
from eoagent.runners.libraries import load_library

PLAIN = "processor\t: 0\nflags\t\t: fpu avx2 avx512f\n"
AMX = "processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16 amx_bf16 amx_tile\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd bf16\n"


def _torch(*capabilities):
    cuda = SimpleNamespace(
        is_available=lambda: bool(capabilities),
        device_count=lambda: len(capabilities),
        get_device_capability=lambda name: capabilities[int(name.partition(":")[2])],
    )
    return SimpleNamespace(cuda=cuda)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    def make(cpu, *gpus):
        (tmp_path / "cpuinfo").write_text(cpu)
        monkeypatch.setattr(devices, "load_library", lambda name: _torch(*gpus))
        return tmp_path / "cpuinfo"

    return make


@pytest.mark.parametrize(
    ("cpu", "gpus", "asked", "precision", "device", "dtype"),
    [
        (PLAIN, (), "", "auto", "cpu", "float32"),
        (AMX, (), "", "auto", "cpu", "bfloat16"),
        (ARM, (), "", "auto", "cpu", "bfloat16"),
        (AMX, (), "", "float32", "cpu", "float32"),
        (PLAIN, (), "", "half", "cpu", "bfloat16"),
        (PLAIN, ((9, 0),), "", "auto", "cuda:0", "bfloat16"),
        (PLAIN, ((7, 5),), "", "auto", "cuda:0", "float16"),
        (PLAIN, ((7, 5), (8, 0)), "cuda:1", "auto", "cuda:1", "bfloat16"),
        (PLAIN, ((7, 5),), "cuda", "float32", "cuda:0", "float32"),
        (PLAIN, ((9, 0),), "cpu", "auto", "cpu", "float32"),
    ],
)
def test_precision_follows_what_the_device_computes_in(
    machine, cpu, gpus, asked, precision, device, dtype
):
    cpuinfo = machine(cpu, *gpus)
    found = choose_placement(asked, precision=precision, cpuinfo=cpuinfo)
    assert (found.device, found.dtype) == (device, dtype)
    assert found.max_batch == (32 if device == "cpu" else 128)
    assert choose_placement(asked, max_batch=5, cpuinfo=cpuinfo).max_batch == 5


@pytest.mark.parametrize(
    ("cpu", "device", "dtype", "computed"),
    [
        (PLAIN, "cpu", "bfloat16", "float32"),
        (PLAIN, "cpu", "float32", "float32"),
        (AMX, "cpu", "bfloat16", "bfloat16"),
        (PLAIN, "cuda:0", "float16", "float16"),
    ],
)
def test_half_precision_that_would_be_imitated_is_computed_in_float32(
    tmp_path, cpu, device, dtype, computed
):
    (tmp_path / "cpuinfo").write_text(cpu)
    placement = Placement(device=device, dtype=dtype)
    assert arithmetic(placement, cpuinfo=tmp_path / "cpuinfo") == computed


@pytest.mark.parametrize("asked", ["cuda:1", "cuda:x", "tpu", "cpu:0", "cuda:-1"])
def test_a_device_that_is_not_there_is_refused(machine, asked):
    cpuinfo = machine(PLAIN, (9, 0))
    with pytest.raises(InputError, match=f"device '{asked}'") as caught:
        choose_placement(asked, cpuinfo=cpuinfo)
    assert caught.value.hint


def test_a_processor_that_nobody_describes_has_no_bfloat16(tmp_path):
    assert not cpu_has_bfloat16(tmp_path / "none")
    (tmp_path / "empty").write_text("nothing here")
    assert not cpu_has_bfloat16(tmp_path / "empty")


def test_a_missing_library_is_named_with_the_command():
    with pytest.raises(ModelMissing, match="models need the library nosuchlibrary") as caught:
        load_library("nosuchlibrary.part")
    assert caught.value.command == "pip install 'eoagent[models]'"
