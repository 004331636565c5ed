"""The Open Inference Protocol over HTTP in JSON alone, for servers without the binary tensor extension."""
