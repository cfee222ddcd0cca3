"""A class of phones in one room of the app, as HTTP clients: how soon votes are acknowledged, and whether any is lost."""
import asyncio
import json
import random
import time
import urllib.request

import aiohttp
import numpy as np
from gradio_client import Client


class Teacher:
    """Who has opened a room of the app at `address`, and moves it on."""

    def __init__(self, address: str):
        self.address, self.number, self.secret = address, 0, ""
        opened = self._ask("", {})
        self.code, self.secret = opened["code"], opened["secret"]

    def __enter__(self):
        self._client = Client(self.address, verbose=False)
        return self

    def __exit__(self, *_):
        self._client.close()

    def _ask(self, path, body=None):
        request = urllib.request.Request(self.address + "/room" + path, None if body is None else json.dumps(body).encode(), {"Authorization": f"Bearer {self.secret}"})
        return json.loads(urllib.request.urlopen(request, timeout=60).read())

    def next(self):
        """Asks the next question."""
        self._client.predict(self.code, self.secret, self.number, api_name="/ask_class")
        self.number += 1

    def reveal(self) -> dict:
        return self._ask(f"/{self.code}/reveal", {})

    def end(self) -> dict:
        return self._ask(f"/{self.code}/end", {})


async def _phone(session, room, questions, within, times):
    """Joins, waits for each question, thinks for up to `within` seconds, votes; adds to `times` the seconds that each vote took."""
    async def call(path, token="", body=None):
        while True:
            try:
                async with session.request("GET" if body is None else "POST", f"{room}/{path}", json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
                    told = await answer.json()
                    if answer.status != 200:
                        raise RuntimeError(f"{path}: {answer.status} {told}")
                    return told
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)  # the app closes a connection that was idle for 5 s; a browser asks again at once, as this does
    phone, tag, number = (await call("join", body={}))["phone"], "", 0
    while number < questions:
        told = await call(f"state?seen={tag}", phone)
        tag = told["tag"]
        if told["state"] == "voting" and told["number"] > number:
            number = told["number"]
            await asyncio.sleep(random.random() * within)
            start = time.perf_counter()
            await call("vote", phone, {"question": number, "choice": random.randrange(2)})
            times.append(time.perf_counter() - start)


async def _class(teacher, phones, questions, within, times, counts):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        room = f"{teacher.address}/room/{teacher.code}"
        class_ = [asyncio.create_task(_phone(session, room, questions, within, times)) for _ in range(phones)]
        for asked in range(1, questions + 1):
            await asyncio.to_thread(teacher.next)
            while len(times) < asked * phones:
                for phone in class_:
                    if phone.done():
                        phone.result()  # what stopped it stops the lesson
                await asyncio.sleep(0.1)
            counts.append(sum((await asyncio.to_thread(teacher.reveal))["votes"]))
        await asyncio.gather(*class_)


def lesson(address: str, phones: int, questions: int, within: float) -> tuple[list[float], list[int]]:
    """Seconds until each vote was acknowledged, and how many votes the app counted for each question; phones vote `within` seconds of seeing it."""
    times, counts = [], []
    with Teacher(address) as teacher:
        asyncio.run(_class(teacher, phones, questions, within, times, counts))
        teacher.end()
    return times, counts


def rows(address: str, quick: bool = False):
    """Rows of the table: 200 phones that vote within five seconds, and all in the same moment."""
    phones, questions = 40 if quick else 200, 3
    for words, within in (("within 5 s", 5.0), ("at the same moment", 0.0)):
        times, counts = lesson(address, phones, questions, within)
        lost = questions * phones - sum(counts)
        yield (f"Class room: {phones} phones vote {words}, {lost} votes lost",
               {"median": round(1000 * float(np.median(times))), "p95": round(1000 * float(np.percentile(times, 95))), "runs": len(times), "unit": "ms"})
