"""ONNX, written by PyTorch's own exporter."""
