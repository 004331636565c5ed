"""The Open Inference Protocol over HTTP/1.1 in JSON alone, for servers without the binary tensor extension."""
