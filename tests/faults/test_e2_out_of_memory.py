"""A batch that memory does not hold is halved, down to one; the results are those of small ones."""

from __future__ import annotations

import importlib.util
import weakref
from pathlib import Path

import numpy as np
import pytest

from eoagent.contracts.errors import ModelError
from eoagent.contracts.runner import Placement
from eoagent.runners.failures import is_device_lost, is_out_of_memory
from eoagent.runners.isolated.runner import IsolatedRunner
from eoagent.runners.queue import ModelQueue

_spec = importlib.util.spec_from_file_location(
    "model_kind", Path(__file__).with_name("model_kind.py")
)
model_kind = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(model_kind)

LONG_S = 60.0


class Model(model_kind.Runner):
    """A model that takes `most` items; what comes before an item changes nothing of its result."""

    def run(self, task, items):
        self.passes.append((task, len(items)))
        if len(items) > self.most:
            raise model_kind.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return [np.sin(np.arange(1, 9) * item).astype(np.float32) for item in items]

    def result_form(self, task):
        return None


def _queue(model, max_batch, clock=None):
    more = {} if clock is None else {"clock": clock}
    return ModelQueue(lambda: model, name="model", max_batch=max_batch, **more)


def _ask(queue, items):
    return queue.ask("double", items, deadline_s=LONG_S)


def _sizes(model):
    return [size for _, size in model.passes]


@pytest.mark.parametrize("most", [1, 2, 3, 8])
@pytest.mark.parametrize("max_batch", [4, 16, 33])
def test_what_does_not_fit_is_halved_until_it_does(most, max_batch):
    items = list(range(1, 41))
    model, small = Model(None, most=most), Model(None)
    queue, reference = _queue(model, max_batch), _queue(small, 1)
    found = np.stack(_ask(queue, items))
    assert np.array_equal(found, np.stack(_ask(reference, items)))
    assert _sizes(small) == [1] * 40
    tried = [size for size in _sizes(model) if size > most]
    assert tried == [max_batch >> n for n in range(len(tried))]
    assert queue.counters.out_of_memory == len(tried)
    assert queue.counters.failures == 0
    queue.close()
    reference.close()


def test_the_smaller_batch_is_remembered_for_a_while():
    now = [0.0]
    model = Model(None, most=4)
    queue = _queue(model, 16, clock=lambda: now[0])
    _ask(queue, list(range(16)))
    assert _sizes(model) == [16, 8, 4, 4, 4, 4]
    now[0] = 299.0
    _ask(queue, list(range(16)))
    assert _sizes(model)[6:] == [4, 4, 4, 4]
    now[0], model.most = 301.0, 16
    _ask(queue, list(range(16)))
    assert _sizes(model)[10:] == [16]
    queue.close()


def test_a_single_item_that_does_not_fit_is_a_typed_error():
    model = Model(None, most=0)
    queue = _queue(model, 8)
    with pytest.raises(ModelError, match="model ran out of memory on a single item of double"):
        _ask(queue, [1, 2, 3, 4, 5, 6, 7, 8])
    assert _sizes(model) == [8, 4, 2, 1]
    assert queue.counters.failures == 1
    queue.close()


def test_a_model_that_runs_out_again_and_again_is_loaded_anew():
    made = []

    def load():
        made.append(Model(None, most=0))
        return made[-1]

    queue = ModelQueue(load, name="model", max_batch=1)
    for _ in range(7):
        with pytest.raises(ModelError, match="ran out of memory"):
            _ask(queue, [1])
    assert [len(model.passes) for model in made] == [3, 3, 1]
    assert [model.is_closed for model in made] == [True, True, False]
    assert queue.counters.restarts == 2
    queue.close()


class Load:
    """Something large that a failing pass holds."""


def test_what_a_failed_pass_held_is_free_before_the_next():
    held, alive = [], []

    class Holding(Model):
        def run(self, task, items):
            alive.append(sum(one() is not None for one in held))
            load = Load()
            load.itself = load  # only the collector of Python frees it
            held.append(weakref.ref(load))
            if len(items) > 1:
                raise MemoryError("cannot allocate")
            return [np.ones(1, np.float32)]

    queue = _queue(Holding(None), 8)
    _ask(queue, list(range(8)))
    assert alive[:4] == [0, 0, 0, 0]  # of 8, 4, 2 and 1 items
    queue.close()


TORCH_SAYS = [
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB",
    "HIP out of memory. Tried to allocate 2.00 GiB",
    "MPS backend out of memory (MPS allocated: 9.05 GB)",
    "CUDA error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "std::bad_alloc",
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory",
    "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried",
]


@pytest.mark.parametrize("said", TORCH_SAYS)
def test_what_allocators_say_is_recognised(said):
    assert is_out_of_memory(RuntimeError(said))
    wrapped = ModelError("the model failed on 8 images")
    wrapped.__cause__ = RuntimeError(said)
    assert is_out_of_memory(wrapped)


def test_other_errors_are_not_taken_for_it():
    for error in (
        RuntimeError("expected scalar type Float but found Half"),
        RuntimeError("CUDA error: device-side assert triggered"),
        ModelError("the file is cut"),
        KeyError("out of memory"),
    ):
        assert not is_out_of_memory(error)
    assert is_out_of_memory(MemoryError())
    assert is_device_lost(RuntimeError("CUDA error: device-side assert triggered"))
    assert not is_device_lost(RuntimeError("CUDA out of memory"))


def test_the_allocators_of_torch_and_numpy_are_recognised():
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 55, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 55, np.uint8)
    assert is_out_of_memory(caught.value)


def test_a_model_in_its_own_process_halves_too(tmp_path, monkeypatch):
    model_kind.install(tmp_path, monkeypatch)
    card = model_kind.make_card(options={"most": 3})
    queue = ModelQueue(
        lambda: IsolatedRunner(card, Path("none"), Placement()), name="faulty", max_batch=8
    )
    found = _ask(queue, list(range(1, 9)))
    assert np.array_equal(np.concatenate(found), 2 * np.arange(1, 9, dtype=np.float32))
    counters = queue.counters
    assert (counters.out_of_memory, counters.batches, counters.restarts) == (2, 6, 0)
    queue.close()


def _has_gpu():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU here: memory of a GPU cannot run out")
    return torch


def test_memory_of_a_gpu_runs_out_for_real():
    torch = _has_gpu()

    class OnGpu(Model):
        def run(self, task, items):
            self.passes.append((task, len(items)))
            taken = torch.ones(len(items), 1 << 28, device="cuda")  # 1 GiB for each item
            return [row[:1].cpu().numpy() * item for row, item in zip(taken, items, strict=True)]

    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(3.5 * (1 << 30) / total)
    model = OnGpu(None)
    queue = _queue(model, 8)
    found = _ask(queue, list(range(1, 9)))
    assert [float(one[0]) for one in found] == list(range(1, 9))
    assert queue.counters.out_of_memory == 2
    assert max(size for size in _sizes(model)[2:]) == 2
    queue.close()
    torch.cuda.set_per_process_memory_fraction(1.0)


def test_a_gpu_that_refuses_all_work_is_asked_in_a_new_process(tmp_path, monkeypatch):
    _has_gpu()
    model_kind.install(tmp_path, monkeypatch)
    queue = ModelQueue(
        lambda: IsolatedRunner(model_kind.make_card(), Path("none"), Placement(device="cuda:0")),
        name="faulty",
        max_batch=1,
    )
    with pytest.raises(ModelError, match="lost its device: .*device-side assert"):
        _ask(queue, [(1, "device")])
    assert float(_ask(queue, [(3, "sum")])[0][0]) == 6.0
    assert (queue.counters.restarts, queue.counters.loads) == (1, 2)
    queue.close()
