"""What the daemon does at somebody's wish, as its edges may ask for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from eventd.model.configuration import DomainConfiguration
from eventd.model.operations import Answered, DomainOperation, OperationResult, TaskProgress
from eventd.model.questions import PendingQuestion, Requester

__all__ = ["Operator", "Report"]

Report = Callable[[TaskProgress], None]
"""Is told how far the task of an operation is, each time that it is further."""


class Operator(Protocol):
    """Questions, operations and configurations of the domains of all connections.

    ``domain`` is a UUID or a name, in full; ``connection`` is the name of the only connection to
    look in. All methods but `questions` raise `NoSuchDomain` or `NoSuchQuestion` where nothing or
    more than one thing matches, and `HostError` where the host cannot be asked.
    """

    def questions(self) -> Sequence[PendingQuestion]:
        """Return the pending questions, by connection in configured order, then by domain."""
        ...

    async def answer(self, question_id: str, choice: str, *, by: Requester) -> Answered:
        """Answer a question with the choice of this key or label.

        Raises:
            NoSuchChoice: the question has no such choice.
            OperationFailed: the host refuses the answer.
        """
        ...

    async def operate(
        self,
        domain: str,
        operation: DomainOperation,
        *,
        connection: str | None = None,
        by: Requester,
        report: Report | None = None,
    ) -> OperationResult:
        """Do something to a domain, and return when it is done.

        Once begun it is not given up because nobody waits for it any more: a caller that is
        cancelled leaves it to itself.

        Raises:
            OperationDenied: the configuration does not allow operations.
            OperationInvalid: the state of the domain or a pending task forbids it.
            QuestionPending: a question is in the way.
            OperationFailed: the host refused it, or its task failed.
        """
        ...

    async def configuration(
        self, domain: str, *, connection: str | None = None
    ) -> DomainConfiguration:
        """Read the configuration file (VMX) of a domain from its host."""
        ...
