"""HTTP/1.1 as the load engine speaks it: requests as prebuilt bytes on keep-alive connections."""
