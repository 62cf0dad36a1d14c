"""Forms are learnt before there is a second thread.

msgspec looks at the fields of a form when it is first used. A thread that uses the form meanwhile meets one that is
half known, and the process ends (msgspec 0.22.0: a null pointer in `convert`). So all of them are looked at at once,
while the program starts.
"""

from collections.abc import Iterator

import msgspec


def learn_forms() -> None:
    """Look at every form that this software has defined so far. Call it before a second thread is started."""
    for form in _below(msgspec.Struct):
        if form.__module__.partition(".")[0] == "medrec":
            try:
                msgspec.convert(None, form)
            except msgspec.ValidationError:
                continue
            except (TypeError, NameError):
                # One of a shape that msgspec does not read: nothing ever is.
                continue


def _below(form: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in form.__subclasses__():
        yield one
        yield from _below(one)
