"""Deployments ranked by the goal's figure, scenario by scenario, with intervals."""
