"""A tiny SAM 2 with random weights, written as the real one is published; needs no download."""

from __future__ import annotations

import json

import numpy as np

SIDE = 256
CARD_CHANGES = {"memory_mb": 2}


def sizes():
    """Return the sizes of the network, as `config.json` has them."""
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 16,
        "num_attention_heads": 1,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "window_size_per_stage": [8, 4, 14, 7],
        "global_attention_blocks": [3],
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[64, 64], [32, 32], [16, 16]],
        "fpn_hidden_size": 32,
    }
    prompts = {"hidden_size": 32, "image_size": SIDE, "patch_size": 16}
    decoder = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2}
    return {
        "vision_config": vision,
        "prompt_encoder_config": prompts,
        "mask_decoder_config": decoder | {"iou_head_hidden_dim": 32},
    }


def network(seed=0):
    """Return the network with random weights, made by transformers itself."""
    import torch
    from transformers import Sam2Config, Sam2Model

    torch.manual_seed(seed)
    return Sam2Model(Sam2Config(**sizes())).eval()


def write(folder, seed=0):
    """Write the published layout into a folder, and return the weights file.

    The hub says `sam2_video` and holds the parts that follow objects through videos as well.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.contiguous() for name, value in network(seed).state_dict().items()}
    tensors["memory_encoder.projection.weight"] = torch.zeros(4, 4)
    tensors["no_object_pointer"] = torch.zeros(1, 32)
    path = folder / "model.safetensors"
    save_file(tensors, path, metadata={"format": "pt"})
    video = {"memory_attention_rope_theta": 10000, "num_maskmem": 7}
    config = {"architectures": ["Sam2VideoModel"], "model_type": "sam2_video", **sizes(), **video}
    (folder / "config.json").write_text(json.dumps(config))
    preparation = {
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_processor_type": "Sam2ImageProcessorFast",
        "image_std": [0.229, 0.224, 0.225],
        "mask_size": {"height": SIDE // 4, "width": SIDE // 4},
        "processor_class": "Sam2VideoProcessor",
        "resample": 2,
        "rescale_factor": 1 / 255,
        "size": {"height": SIDE, "width": SIDE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation))
    return path


def direct(picture, boxes, points, seed=0):
    """Return what transformers itself gives, asked by its own documented way: bool (n, h, w)."""
    import torch
    from transformers import Sam2ImageProcessor, Sam2Processor

    pictures = Sam2ImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = Sam2Processor(pictures)
    inputs = processor(
        images=[picture],
        input_boxes=[np.asarray(boxes, float).tolist()],
        input_points=[[[point] for point in np.asarray(points, float).tolist()]],
        input_labels=[[[1] for _ in points]],
        return_tensors="pt",
    )
    with torch.inference_mode():
        sizes_px = inputs.pop("original_sizes")
        said = network(seed)(**inputs, multimask_output=False)
        (masks,) = processor.post_process_masks(said.pred_masks, sizes_px)
    return masks[:, 0].numpy()
