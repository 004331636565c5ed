"""The load engine: a process of its own that sends on time and writes down when.

``python -m loadtest.engine FOLDER`` reads ``FOLDER/plan.json`` and leaves ``FOLDER/records.parquet``.
"""
