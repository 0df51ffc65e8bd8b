"""Choices that are made by typing a letter or numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from steer.cli.terminal.person import Left, Person

__all__ = ["choice", "numbers"]


def choice(person: Person, keys: Mapping[str, str], show: Callable[[], None] | None) -> str:
    """Return the key of one of the choices; each key has what it means.

    ``s`` shows all of what is asked, where there is something to show, and ``l`` leaves it for
    later, as does Ctrl-D: both raise ``Left``. Anything else is asked again.
    """
    meanings = dict(keys)
    if show is not None:
        meanings["s"] = "show all of it"
        meanings["l"] = "leave it for later"
    told = "  ".join(f"[{key}] {meaning}" for key, meaning in meanings.items())
    person.tell("", told)
    label = f"{'/'.join(meanings)}> "
    while True:
        typed = person.asked(label).casefold()
        match typed:
            case "s" if show is not None:
                show()
                person.tell("", told)
            case "l" if show is not None:
                raise Left
            case _ if typed in keys:
                return typed
            case _:
                person.tell(
                    "error", f"type {', '.join(list(meanings)[:-1])} or {list(meanings)[-1]}"
                )


def numbers(person: Person, label: str, names: Sequence[str]) -> list[str] | None:
    """Return the names whose numbers, or names, are typed; ``None`` where one is not among them."""
    typed = person.asked(label)
    chosen: list[str] = []
    for part in filter(None, (part.strip() for part in typed.split(","))):
        if part.isdecimal() and 0 < int(part) <= len(names):
            name = names[int(part) - 1]
        elif part in names:
            name = part
        else:
            person.tell("error", f"there is no {part!r}; type numbers from 1 to {len(names)}")
            return None
        if name not in chosen:
            chosen.append(name)
    return chosen
