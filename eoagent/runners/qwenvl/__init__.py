"""Models of the kind of Qwen2.5-VL: dialogues of words and pictures, from a local folder."""
