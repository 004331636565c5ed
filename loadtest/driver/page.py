"""Locust's page: what it refuses at once, in a line that it shows."""

from __future__ import annotations

import argparse
from typing import Any, Final

from flask import Response, before_render_template, jsonify, request
from locust.env import Environment
from locust.runners import MasterRunner

from loadtest.driver.planning import chosen_target
from loadtest.driver.targets import target_names
from models import TailbedError

_CHECKED_BY_LOCUST: Final = ("run_time", "spawn_rate")
"""Numbers among its own options. Of ours it says on no page what is wrong."""


def adapt(environment: Environment) -> None:
    """Have the page check what is chosen before a test starts, and ask for a host only where there is nothing else."""
    app, options = environment.web_ui.app, environment.parsed_options

    def check() -> Response | None:
        if request.method != "POST" or not request.path.endswith("/swarm") or options.plan:
            return None
        if isinstance(environment.runner, MasterRunner) and not environment.runner.worker_count:
            return _refused("no worker has come: start one with docker compose up -d locust-worker, or locust --worker")
        given = request.form.to_dict()
        for name, text in given.items():
            number = type(getattr(options, name, None))
            if number in (int, float) and name not in _CHECKED_BY_LOCUST and not _is(number, text):
                return _refused(f"{name}: {text!r} is not a number")
        asked = argparse.Namespace(**vars(options) | given)
        try:
            chosen_target(asked, request.form.get("host", environment.host))
        except TailbedError as error:
            return _refused(str(error))
        return None

    def render(_app: Any, context: dict[str, Any], **_: Any) -> None:
        # Locust asks for one where a user class has none, as ours.
        if target_names() and "template_args" in context:
            context["template_args"]["missing_host_warning"] = False

    app.before_request(check)
    before_render_template.connect(render, app, weak=False)


def _is(number: type, text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True


def _refused(reason: str) -> Response:
    """As Locust itself answers what it cannot start."""
    return jsonify({"success": False, "message": reason})
