"""Rows 11 to 19, 36 and 37: what goes wrong before a byte of a file is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.cases import ERROR, KEPT, Case, both, lasting, passing
from conformance.contents import page
from conformance.programs import REPO

if TYPE_CHECKING:
    from conformance.scene import Ended, Scene
    from modelready.mirror import Mirror


def _answers(call: str, code: int, row: int) -> tuple[Case, Case]:
    return both(row, f"{call} {code}", lambda hub, times: hub.status("*", code, kind=call, times=times), str(code))


def _head(code: int) -> Case:
    return passing(11, f"HEAD {code}, once", lambda hub: hub.status("*", code, kind="head", times=1))


def _ends(hub: Mirror, times: int | None) -> None:
    hub.drop_after("*", None, kind="tree", times=times)


def _warm(code: int) -> Case:
    def play(scene: Scene) -> Ended:
        scene.run()
        scene.hub.status("*", code, kind="revision")
        return scene.run()

    return Case(16, f"revision {code}, warm", play)


def _moved(code: int) -> Case:
    def play(scene: Scene) -> Ended:
        scene.run()
        scene.push()
        scene.hub.forget()
        scene.hub.status("*", code, kind="revision")
        return scene.run()

    return Case(16, f"revision {code}, warm, and main has moved", play, ends=KEPT)


def _refuses(words: str, names: str, *, revision: str = "main", **access: str | bool) -> Case:
    def play(scene: Scene) -> Ended:
        scene.push(**access)
        scene.want(revision)
        return scene.run()

    def mend(scene: Scene) -> None:
        scene.want("main")
        scene.push(private=False, gated=False)

    return Case(36, words, play, ends=ERROR, names=names, mend=mend)


def _is_gone(scene: Scene) -> Ended:
    scene.hub.remove(REPO)
    return scene.run()


def _is_down(scene: Scene) -> Ended:
    scene.hub.stop()
    return scene.run()


def _back(scene: Scene) -> None:
    scene.push()


def _listens_again(scene: Scene) -> None:
    scene.hub.start()


CASES = (
    _head(500),
    _head(503),
    _head(429),
    passing(12, "HEAD 503, each time", lambda hub: hub.status("*", 503, kind="head")),
    passing(13, "HEAD silent, once", lambda hub: hub.stall("*", kind="head", times=1)),
    passing(14, "HEAD ends without an answer, once", lambda hub: hub.drop_after("*", None, kind="head", times=1)),
    *_answers("revision", 500, 15),
    *_answers("revision", 503, 15),
    *_answers("revision", 429, 15),
    passing(15, "revision 503, twice", lambda hub: hub.status("*", 503, kind="revision", times=2)),
    _warm(503),
    _warm(401),
    _moved(503),
    *_answers("tree", 503, 17),
    *_answers("tree", 429, 17),
    *both(17, "tree ends without an answer", _ends, "closed|reset|breaks|ended|end"),
    *both(18, "revision silent", lambda hub, times: hub.stall("*", kind="revision", times=times), "silent"),
    *both(18, "tree silent", lambda hub, times: hub.stall("*", kind="tree", times=times), "silent"),
    *both(
        19,
        "a web page instead of the listing",
        lambda hub, times: hub.replace_body("*", page(2000), kind="api", times=times),
        "text/html",
    ),
    lasting(
        22,
        "a captive portal before everything",
        lambda hub: hub.replace_body("*", page(2000), kind="any"),
        "portal",
    ),
    _refuses("gated", "gated.*licence", gated=True, token="hf_right"),  # noqa: S106 - of a Hub on loopback
    _refuses("private", "HF_TOKEN", private=True, token="hf_right"),  # noqa: S106 - the same
    _refuses("no such revision", "v9", revision="v9"),
    Case(36, "no such repository", _is_gone, ends=ERROR, names="no such repository", mend=_back),
    Case(37, "nobody listens", _is_down, ends=ERROR, names="cannot be reached", mend=_listens_again),
)
