"""Values of an option that a page can offer as a list."""

from __future__ import annotations


class Suggestions(list[str]):
    """What the page's list offers, while the command line takes any text; the list then has that one too."""

    def __contains__(self, text: object) -> bool:
        """Take it: argparse asks for each value that it is given."""
        if not super().__contains__(text):
            self.append(str(text))
        return True
