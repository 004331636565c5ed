"""Residual networks (He et al., "Deep Residual Learning for Image Recognition", 2016) of ImageNet's shape."""
