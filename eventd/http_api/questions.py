"""``/v1/questions``: what waits for an answer, and answering it."""

from __future__ import annotations

from aiohttp import web

from eventd.errors import InvalidArgument
from eventd.http_api.bodies import json_response, list_response, read_object
from eventd.http_api.connection import requester_of
from eventd.http_api.queries import DomainQuery
from eventd.model.operator import Operator
from eventd.model.questions import find_question

__all__ = ["Questions"]


class Questions:
    """The pending questions of all domains. ``body_timeout`` is in seconds."""

    def __init__(self, operator: Operator, *, body_timeout: float) -> None:
        self._operator = operator
        self._body_timeout = body_timeout

    async def questions(self, request: web.Request) -> web.StreamResponse:
        """List the questions of the domains that match the query."""
        wants = DomainQuery.parse(request.query).filter.matches_domain
        return await list_response(
            request,
            "questions",
            self._operator.questions(),
            wants=lambda pending: wants(pending.domain),
            describe=lambda pending: pending,
        )

    async def question(self, request: web.Request) -> web.Response:
        """Tell one question.

        Raises:
            NoSuchQuestion: no question of this id is pending.
        """
        pending = self._operator.questions()
        return json_response(find_question(pending, request.match_info["id"]))

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one question with the choice that the body names.

        Raises:
            InvalidArgument: the body names none.
            NoSuchQuestion: no question of this id is pending.
            NoSuchChoice: the question has no such choice.
            OperationFailed: the host refuses the answer.
        """
        requester = await requester_of(request)
        choice = _choice(await read_object(request, timeout=self._body_timeout))
        question_id = request.match_info["id"]
        return json_response(await self._operator.answer(question_id, choice, by=requester))


def _choice(body: object) -> str:
    match body:
        case {"choice": str(choice), **others} if not others:
            return choice
        case _:
            raise InvalidArgument(
                'the body of an answer is {"choice": "Append"}, with the key or the label of one '
                "choice of the question"
            )
