"""How a question is understood and would be answered, for a person to read; no number is computed."""

from __future__ import annotations

from collections.abc import Iterator

from backend.core.clock import Clock
from backend.metrics import definitions
from backend.metrics.bounds import ends_of
from backend.metrics.editor import say_formula
from backend.metrics.evaluator import Evaluator
from backend.metrics.history import History
from backend.metrics.language.outline import outline
from backend.metrics.language.parser import parse
from backend.metrics.language.sentence import Tongue
from backend.metrics.questions import KpiAsk, Question
from backend.metrics.rollups.explaining import tell
from tenants.database import TenantDatabase


async def explain(database: TenantDatabase, clock: Clock, question: Question) -> str:
    """For each KPI its formula, sentence (in the tenant's language) and tree; then the plan, where
    each of its statements is answered from, and what is sent to the rows.

    A KPI whose cells are computed by several versions has each of them. Raises what would keep the question from
    being answered.
    """
    planned = await Evaluator(database, clock).explain(question)
    async with database.read() as session:
        kpis, history = await definitions.list_histories(session, clock())
        vocabulary = await definitions.get_vocabulary(session)
    tongue = Tongue(database.tenant.locale)
    sections = []
    for asked in question.kpis:
        for title, text in _readings(asked, question, history):
            sentence = say_formula(text, vocabulary, kpis, tongue)
            formula = parse(text).formula
            if sentence is not None and formula is not None:
                sections.append("\n".join((f"{title} = {text}", sentence, outline(formula))))
    return "\n\n".join((*sections, tell(planned)))


def _readings(asked: KpiAsk, question: Question, history: History) -> Iterator[tuple[str, str]]:
    if asked.formula is not None:
        yield asked.key, asked.formula
        return
    versions = history.versions(asked.key, ends_of(question))
    for at, one in enumerate(versions):
        since = f", from {one.effective_from} on" if at else ""
        yield (f"{asked.key} (version {one.version}{since})" if len(versions) > 1 else asked.key), one.formula
