"""Guesses are slowed down and counted, and a right password passes all the same."""

import asyncio
from collections import Counter

import pytest

from mailworker.web import login_throttle
from mailworker.web.login_throttle import FREE_TRIES, WAITING, LoginThrottle
from mailworker.web.request_timeouts import BodyTimeout


class Scene:
    """A brake before an application that admits one password; sleeping is only noted."""

    def __init__(self):
        self.now, self.slept, self.counted = 0.0, 0, Counter()
        self.brake = LoginThrottle(
            self.app, report=self.counted.update, clock=lambda: self.now, sleep=self.sleep
        )
        self.release = asyncio.Event()

    async def sleep(self, seconds):
        self.slept += 1
        await self.release.wait()

    async def app(self, scope, receive, send):
        right = dict(scope["headers"]).get(b"authorization") == b"right"
        await send({"type": "http.response.start", "status": 200 if right else 401, "headers": []})

    async def ask(self, password="wrong", client="203.0.113.7"):
        answer = []

        async def send(message):
            answer.append(message)

        headers = [(b"authorization", password.encode())] if password else []
        scope = {"type": "http", "path": "/mailjet/events", "headers": headers, "client": (client, 1)}
        await self.brake(scope, None, send)
        self.headers = dict(answer[0]["headers"])
        return answer[0]["status"]


def test_guesses_wait_and_few_at_once():
    async def story():
        scene = Scene()
        assert [await scene.ask() for _ in range(FREE_TRIES)] == [401] * FREE_TRIES
        assert scene.slept == 0
        waiting = [asyncio.create_task(scene.ask()) for _ in range(WAITING)]
        while scene.slept < WAITING:
            await asyncio.wait(waiting, timeout=0.01)
        assert await scene.ask() == 429, "more do not even wait"
        assert scene.headers[b"retry-after"] == b"60"
        assert await scene.ask(client="198.51.100.1") == 401, "others are not slowed"
        assert await scene.ask(password="") == 401, "nor is who has no password yet"
        scene.release.set()
        assert [await one for one in waiting] == [401] * WAITING
        assert await scene.ask("right") == 200, "a right one passes, if later"
        scene.now = 61
        scene.slept = 0
        await scene.ask()
        assert scene.slept == 0, "a minute later all is forgotten"
        return scene

    scene = asyncio.run(story())
    assert 0 < scene.counted["webhook"] <= FREE_TRIES + WAITING + 2
    assert set(scene.counted) == {"webhook"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "203.0.113.8", False),
    ],
)
def test_neighbours_of_one_network(one, other, same):
    networks = [login_throttle._network({"client": (host, 1)}) for host in (one, other)]
    assert (networks[0] == networks[1]) is same


def test_a_crowd_of_guessers_does_not_fill_the_memory(monkeypatch):
    async def story():
        scene = Scene()
        monkeypatch.setattr(login_throttle, "_REMEMBERED", 50)
        for number in range(500):
            await scene.ask(client=f"10.0.{number // 250}.{number % 250}")
        return scene.brake

    assert len(asyncio.run(story())._guessers) <= 50


def test_a_body_that_does_not_come_is_answered(monkeypatch):
    async def story():
        sent = []

        async def app(scope, receive, send):
            while (await receive()).get("more_body"):
                pass

        async def receive():
            if not sent:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await BodyTimeout(app, seconds=0.01)({"type": "http"}, receive, send)
        return sent

    assert asyncio.run(story())[0]["status"] == 408
