"""Choose where and in what precision a model runs, from what the machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from eoagent.contracts.errors import InputError
from eoagent.contracts.runner import Dtype, Placement
from eoagent.runners.libraries import load_library

__all__ = ["Precision", "arithmetic", "choose_placement", "cpu_has_bfloat16"]

Precision = Literal["auto", "float32", "half"]

_CPUINFO: Final = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS: Final = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
"""Flags of processors that multiply bfloat16: two of x86, the last of Arm."""
_AMPERE: Final = 8
"""Major compute capability from which on a GPU computes in bfloat16."""
_CPU_BATCH: Final = 32
_GPU_BATCH: Final = 128


def choose_placement(
    device: str = "",
    *,
    precision: Precision = "auto",
    preprocessing: Literal["strict", "fast"] = "fast",
    max_batch: int = 0,
    cpuinfo: Path = _CPUINFO,
) -> Placement:
    """Return where and how a model runs.

    Half precision is bfloat16 where the device computes in it, and on a CPU that is told to;
    float16 on GPUs before Ampere.

    Args:
        device: `cpu`, `cuda`, `cuda:1`; empty takes the first GPU, else the CPU.
        precision: `auto` takes half precision where the device has it.
        preprocessing: how pictures are prepared.
        max_batch: most items in one pass; 0 takes the usual for the device.
        cpuinfo: where Linux describes the processor.

    Raises:
        ModelMissing: if torch is not installed.
        InputError: if there is no such device.
    """
    torch = load_library("torch")
    name = _device(torch, device)
    on_gpu = name != "cpu"
    if precision == "float32":
        dtype: Dtype = "float32"
    elif on_gpu:
        major, _ = torch.cuda.get_device_capability(name)
        dtype = "bfloat16" if major >= _AMPERE else "float16"
    else:
        dtype = "bfloat16" if precision == "half" or cpu_has_bfloat16(cpuinfo) else "float32"
    return Placement(
        device=name,
        dtype=dtype,
        preprocessing=preprocessing,
        max_batch=max_batch or (_GPU_BATCH if on_gpu else _CPU_BATCH),
    )


def arithmetic(placement: Placement, *, cpuinfo: Path = _CPUINFO) -> Dtype:
    """Return the type that is computed in, with weights of the type of the placement.

    A processor that only imitates half precision takes eight times as long for it as for float32
    (ViT-B-32 on AVX2). There the rounded weights are computed with in float32: the vectors are of
    the same class, as near to those of other devices as these are to each other.
    """
    is_half = placement.precision == "half"
    if placement.device == "cpu" and is_half and not cpu_has_bfloat16(cpuinfo):
        return "float32"
    return placement.dtype


def cpu_has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the processor multiplies bfloat16; where nobody tells, it is taken not to."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    for line in text.splitlines():
        name, _, flags = line.partition(":")
        if name.strip().lower() in {"flags", "features"}:
            return bool(_BFLOAT16_FLAGS & set(flags.split()))
    return False


def _device(torch: Any, device: str) -> str:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not device:
        return "cuda:0" if count else "cpu"
    kind, _, number = device.partition(":")
    if kind == "cpu" and not number:
        return "cpu"
    if kind != "cuda" or not (number or "0").isdecimal():
        raise InputError(f"there is no device '{device}'", hint="it is cpu, cuda or cuda:NUMBER")
    if int(number or 0) >= count:
        raise InputError(
            f"the device '{device}' was asked for and torch sees {count} GPUs",
            hint="leave the device empty, or take cpu",
        )
    return f"cuda:{int(number or 0)}"
