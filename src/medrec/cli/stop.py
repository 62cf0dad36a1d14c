"""How a verb ends early: a short code and one sentence for people."""

from typing import NoReturn


class Stop(Exception):
    """The verb cannot go on; `status` is the exit code."""

    def __init__(self, code: str, sentence: str, status: int = 2) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.status = status


def stop(code: str, sentence: str, status: int = 2) -> NoReturn:
    """End the verb."""
    raise Stop(code, sentence, status) from None
