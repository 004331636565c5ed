"""Ending a test that Locust has not been told to end."""

from __future__ import annotations

from locust.env import Environment


def end_test(environment: Environment) -> None:
    """End the test, and without the page the process. Not to be called by a greenlet that the end waits for.

    On the page as its Stop button does, which first ends what adds users: it would start workers anew, and in the end
    take the test for one that runs.
    """
    runner, web_ui = environment.runner, environment.web_ui
    if environment.parsed_options.headless:
        runner.quit()
        return
    if web_ui is not None and web_ui._swarm_greenlet is not None:
        web_ui._swarm_greenlet.kill(block=True)
    runner.stop()
