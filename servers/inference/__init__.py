"""What our own servers share below their protocols: a model computed on threads of its own, and its metrics.

Nothing is imported here: ``command`` is for the launch too, which must not need the packages that serving needs.
"""
