"""FastAPI on uvicorn and uvloop, speaking the Open Inference Protocol over HTTP."""
