"""The Open Inference Protocol over HTTP/1.1, with the binary tensor extension."""
