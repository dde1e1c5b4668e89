"""SegFormer with one label: says of each pixel of a picture how likely it is on a contour."""
