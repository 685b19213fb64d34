"""The queue as it moves: in order, to all who listen, and to who comes back nothing is lost."""

from __future__ import annotations

import asyncio

from modelready.web import events


def test_a_download_is_told_as_it_moves(served, hub):
    """From queued to completed, and that the models are worth asking again."""
    hub.slow("*.safetensors", bytes_per_s=20_000)
    listening = served.events()
    first = next(listening)
    served.do("start")

    told = []
    for name, content, _ in listening:
        told.append((name, content.get("status")))
        if ("job", "completed") in told and ("models", None) in told:
            break

    states = [state for name, state in told if name == "job"]
    assert first[0] == "queue"
    assert first[1] == {"size": 0, "running": False, "currently_downloading": None}
    assert states[-1] == "completed"
    assert "downloading" in states


def test_who_comes_back_misses_nothing(served):
    """Also what happened while the server was another one."""
    listening = served.events()
    served.do("start")
    number = next(number for name, _, number in listening if name == "job")
    listening.close()
    served.until("completed")
    served.stop()
    served.start()

    name, content, later = next(served.events(since=number))

    assert (name, content["model_id"], content["status"]) == ("job", "tiny", "completed")
    assert int(later) > int(number)


def test_who_comes_with_a_number_of_another_life_is_told_all_that_is_open(served, hub):
    """The rows were begun anew since: nothing that runs may be hidden from him."""
    hub.slow("*.safetensors", bytes_per_s=2000)
    served.do("start")
    served.until("downloading")

    found = [next(served.events(since=number))[1]["model_id"] for number in ("999999", "no number", "-1", "9" * 5000)]

    assert found == ["tiny"] * 4


def test_all_who_listen_hear_the_same(served):
    """One look at the rows serves them all."""
    listeners = [served.events() for _ in range(3)]
    for one in listeners:
        next(one)
    served.do("start")

    ends = [next(number for name, told, number in one if told.get("status") == "completed") for one in listeners]

    assert len(set(ends)) == 1


def test_two_who_come_at_once_start_one_watch(served):
    """A second one would tell everything twice, and outlive the server."""

    async def watches():
        feed = served.service.feed
        listening = [feed.listen(None) for _ in range(5)]
        await asyncio.gather(*map(anext, listening))
        found = [one for one in asyncio.all_tasks() if "Feed._watch" in repr(one.get_coro())]
        for one in listening:
            await one.aclose()
        await feed.close()
        return len(found)

    assert asyncio.run(watches()) == 1


def test_too_many_listeners_are_refused(served, monkeypatch):
    """Each one costs a connection."""
    monkeypatch.setattr(events, "MOST_LISTENERS", 1)
    listening = served.events()
    next(listening)

    refused = served.get("/api/events")

    assert (refused.status_code, refused.json()["kind"]) == (503, "rate_limited")
    listening.close()


def test_who_hears_too_slowly_is_sent_away(served, monkeypatch):
    """He comes back with the number he heard last; nobody else waits for him."""
    monkeypatch.setattr(events, "_MOST_WAITING", 1)

    async def overflow():
        feed = served.service.feed
        listening = feed.listen(None)
        await anext(listening)
        feed._hand_out([events.ServerSentEvent("{}"), events.ServerSentEvent("{}")])
        rest = [event async for event in listening]
        await feed.close()
        return rest

    assert asyncio.run(overflow()) == []
