"""People who play the quiz at once, as HTTP clients: what a round, a face and a vote cost the server."""
import asyncio
import random
import time

import aiohttp
import numpy as np


async def _player(session, address, rounds, within, times):
    """Plays `rounds` rounds of ten, thinking for up to `within` seconds about each face; adds the seconds of every answer to `times` by kind."""
    async def timed(kind, path, body=None):
        start = time.perf_counter()
        async with session.request("GET" if body is None else "POST", f"{address}/quiz/{path}", json=body) as answer:
            told = await answer.read() if kind == "face" else await answer.json()
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status} {told[:200]!r}")
        times.setdefault(kind, []).append(time.perf_counter() - start)
        return told
    for _ in range(rounds):
        game = await timed("round", "round", {"mode": "one", "count": 10})
        for number in range(game["faces"]):
            await timed("face", f"{game['round']}/face/{number}")
            await asyncio.sleep(random.random() * within)
            await timed("vote", f"{game['round']}/vote", {"face": number, "votes": [{"real": random.random() < 0.5, "sure": random.randint(1, 3)}]})
        await timed("report", f"{game['round']}/report")


def play(address: str, people: int, rounds: int, within: float) -> dict[str, list[float]]:
    """Seconds of each answer by its kind: round, face, vote, report."""
    times: dict[str, list[float]] = {}

    async def all_of_them():
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
            await asyncio.gather(*(_player(session, address, rounds, within, times) for _ in range(people)))
    asyncio.run(all_of_them())
    return times


def rows(address: str, quick: bool = False):
    """Rows of the table: 30 people who play a round at once, and think for three seconds at most."""
    people = 10 if quick else 30
    play(address, 1, 1, 0.0)  # loads the network
    for kind, seconds in play(address, people, 1, 3.0).items():
        yield (f"Quiz: {people} people play at once, {'a ' if kind != 'round' else 'begin a '}{kind}{' of ten faces' if kind == 'round' else ''}",
               {"median": round(1000 * float(np.median(seconds))), "p95": round(1000 * float(np.percentile(seconds, 95))), "runs": len(seconds), "unit": "ms"})
