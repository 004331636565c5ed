"""Models that users brought, one folder each under ``home()/imported``."""
