"""Asking ADE what a user's key may do. Nothing is cached."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from ade.gate.json_text import BadJson, read_object
from ade.gate.metrics import Counts
from ade.gate.settings import Settings

log = logging.getLogger(__name__)

READ_AGENT, READ_MESSAGES, WRITE_MESSAGES = "read_agent", "read_messages", "write_messages"
ANSWER_SECONDS = 3
MOST_CHECKS = 1000  # questions in one request; ADE's limit

Check = tuple[str, str]  # an agent's id and a right


class NoAnswer(Exception):
    """ADE did not say yes or no."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """ADE's answer: whose key it is (None: of no key that works), and the checks that it allows."""

    caller: str | None
    allowed: frozenset[Check]


class Access:
    """ADE's `/v1/access/check`, asked with the gate's own key."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings, counts: Counts) -> None:
        self._session, self._counts = session, counts
        self._url = f"{settings.ade}/v1/access/check"
        self._headers = {
            "Authorization": f"Bearer {settings.ade_key}",
            "Accept-Encoding": "identity",
        }

    async def ask(self, token: str, origin: str | None, checks: Sequence[Check]) -> Verdict:
        """Return what ADE allows the key now.

        `origin` is that of the page which brought the key: client-side tokens work from one only.
        Raises NoAnswer after three seconds, or for any other answer.
        """
        verdict = Verdict(None, frozenset())
        for start in range(0, len(checks) or 1, MOST_CHECKS):
            some = checks[start : start + MOST_CHECKS]
            verdict = await self._ask({"token": token, "origin": origin}, some, verdict.allowed)
            if verdict.caller is None:
                break
        return verdict

    async def _ask(
        self, who: dict[str, str | None], checks: Sequence[Check], before: frozenset[Check]
    ) -> Verdict:
        questions = [{"agent_id": agent, "right": right} for agent, right in checks]
        try:
            async with self._session.post(
                self._url,
                json=who | {"checks": questions},
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
                allow_redirects=False,
            ) as response:
                content = await response.read()
            answer = read_object(content)
        except (TimeoutError, aiohttp.ClientError, BadJson) as error:
            log.warning("ADE gave no answer: %s", type(error).__name__)
            self._counts.ade_failures += 1
            raise NoAnswer from error
        results, caller = answer.get("results"), answer.get("caller")
        if response.status != 200 or not isinstance(results, list) or len(results) != len(checks):
            log.warning("ADE answered with status %s", response.status)
            self._counts.ade_failures += 1
            raise NoAnswer
        if not isinstance(caller, str):
            return Verdict(None, frozenset())
        yes = [isinstance(result, dict) and result.get("allowed") is True for result in results]
        allowed = {check for check, may in zip(checks, yes, strict=True) if may}
        return Verdict(caller, before | allowed)
