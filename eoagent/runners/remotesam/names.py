"""Names of the published weights beside ours, and which of them a file may lack or hold besides."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["may_be_absent", "may_be_there", "published"]

_LEVEL_OFFSET: Final = 2
"""The decoder levels are numbered from 2 in the files."""
_BRANCHES: Final = {"first": "", "second": "_2"}

_PATTERNS: Final = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # the text encoder
        (r"^text\.layers\.", r"text_encoder.encoder.layer."),
        (r"^text\.", r"text_encoder."),
        (r"(^text_encoder\.embeddings)\.norm\.", r"\1.LayerNorm."),
        (r"(\.encoder\.layer\.\d+)\.(query|key|value)\.", r"\1.attention.self.\2."),
        (r"(\.encoder\.layer\.\d+)\.out\.", r"\1.attention.output.dense."),
        (r"(\.encoder\.layer\.\d+)\.out_norm\.", r"\1.attention.output.LayerNorm."),
        (r"(\.encoder\.layer\.\d+)\.wide\.", r"\1.intermediate.dense."),
        (r"(\.encoder\.layer\.\d+)\.narrow\.", r"\1.output.dense."),
        (r"(\.encoder\.layer\.\d+)\.narrow_norm\.", r"\1.output.LayerNorm."),
        # stages
        (r"^backbone\.stages\.(\d)\.norm\.", r"backbone.norm\1."),
        (r"^backbone\.stages\.", r"backbone.layers."),
        (r"\.fusion\.visual\.", r".fusion.vis_project."),
        (r"\.fusion\.mix\.", r".fusion.project_mm."),
        (r"\.fusion\.attention\.(query|key|value)\.", r".fusion.image_lang_att.f_\1.0."),
        (r"\.fusion\.attention\.out\.", r".fusion.image_lang_att.W.0."),
        (r"\.language_gate\.", r".res_gate."),
        (r"\.salience\.", r".visual_residual.repblock."),
        # cross-scale interaction
        (r"^backbone\.scales\.", r"backbone.cim."),
        (r"\.cim\.down\.", r".cim.down_channel."),
        (r"\.cim\.up\.", r".cim.up_channel."),
        (r"\.cim\.steps\.0\.part\.", r".cim.block.0.csa1.m."),
        (r"\.cim\.steps\.1\.part\.", r".cim.block.0.intra_ff.m."),
        (r"\.cim\.steps\.2\.part\.", r".cim.block.0.csa2.m."),
        (r"\.cim\.steps\.3\.part\.", r".cim.block.0.ff.m."),
        (r"\.(csa[12])\.m\.bn2\.", r".\1.m.bn4."),
        (r"\.coarse\.", r".DWConv1."),
        (r"\.coarser\.", r".DWConv2."),
        (r"\.attention\.qkv\.linear\.", r".attention.qkv.c."),
        (r"\.attention\.local\.", r".attention.parallel_conv."),
        (r"\.cim\.gates\.", r".cim.fusion."),
        (r"(\.cim\.fusion\.\d)\.local\.", r"\1.local_embedding."),
        (r"(\.cim\.fusion\.\d)\.local_bn\.", r"\1.bn1."),
        (r"(\.cim\.fusion\.\d)\.shared\.", r"\1.global_embedding."),
        (r"(\.cim\.fusion\.\d)\.shared_bn\.", r"\1.bn2."),
        (r"(\.cim\.fusion\.\d)\.gate\.", r"\1.global_act."),
        (r"(\.cim\.fusion\.\d)\.gate_bn\.", r"\1.bn3."),
        # decoder
        (r"^decoder\.logits\.", r"classifier.conv1_1."),
        (r"\.routing\.depthwise\.", r".rounting_func.dwc."),
        (r"\.routing\.norm\.", r".rounting_func.norm.norm."),
        (r"\.routing\.strength\.", r".rounting_func.fc_alpha."),
        (r"\.routing\.angle\.", r".rounting_func.fc_theta."),
    )
)
_SALIENCE: Final = re.compile(r"\.repblock\.(first|second)\.(deep|weighted\.0|weighted\.1|plain)\.")
_SALIENCE_PARTS: Final = {
    "deep": "brb_3x3{}.",
    "weighted.0": "brb_1x1{}.conv.",
    "weighted.1": "brb_1x1{}.bn.",
    "plain": "brb_identity{}.",
}
_PER_STAGE: Final = re.compile(r"\.intra_ff\.m\.stages\.(\d)\.part\.")
_LEVEL: Final = re.compile(r"^decoder\.levels\.(\d)\.(conv1|bn1|conv2|bn2)\.")

_ABSENT: Final = re.compile(r"\.num_batches_tracked$")
"""Counts that inference does not use."""
_BESIDE: Final = re.compile(
    r"\.attn\.relative_position_index$"  # follows from the window
    r"|\.num_batches_tracked$"
    r"|^text_encoder\.embeddings\.position_ids$|^text_encoder\.pooler\."  # not used
    r"|^backbone\.layers\.3\.(res_gate|visual_gate|visual_residual)\."  # leads nowhere
)


def published(name: str) -> str:
    """Return the name in the published files of one of our parameters or buffers."""
    for pattern, replacement in _PATTERNS:
        name = pattern.sub(replacement, name)
    name = _SALIENCE.sub(_salience, name)
    name = _PER_STAGE.sub(lambda found: f".intra_ff.m.ff{int(found[1]) + 1}.m.", name)
    return _LEVEL.sub(lambda found: f"classifier.{found[2]}_{int(found[1]) + _LEVEL_OFFSET}.", name)


def may_be_absent(name: str) -> bool:
    """Return whether a file can do without an entry, given its published name."""
    return bool(_ABSENT.search(name))


def may_be_there(name: str) -> bool:
    """Return whether an entry that the network does not use belongs to a good file."""
    return bool(_BESIDE.search(name))


def _salience(found: re.Match[str]) -> str:
    part = _SALIENCE_PARTS[found[2]].format(_BRANCHES[found[1]])
    return f".repblock.{part}"
