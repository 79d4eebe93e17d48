"""How a question is understood and would be answered, for a person to read; no number is computed."""

from __future__ import annotations

from backend.core.clock import Clock
from backend.metrics import definitions
from backend.metrics.editor import say_formula
from backend.metrics.evaluator import Evaluator
from backend.metrics.language.outline import outline
from backend.metrics.language.parser import parse
from backend.metrics.language.sentence import Tongue
from backend.metrics.questions import Question
from tenants.database import TenantDatabase


async def explain(database: TenantDatabase, clock: Clock, question: Question) -> str:
    """For each KPI its formula, sentence (in the tenant's language) and tree; then the plan and its statements.

    Raises what would keep the question from being answered.
    """
    planned = await Evaluator(database, clock).explain(question)
    async with database.read() as session:
        kpis = await definitions.list_kpis(session, clock())
        vocabulary = await definitions.get_vocabulary(session)
    tongue = Tongue(database.tenant.locale)
    formulas = {one.key: one.formula for one in kpis}
    sections = []
    for asked in question.kpis:
        text = asked.formula or formulas.get(asked.key, "")
        sentence = say_formula(text, vocabulary, kpis, tongue)
        formula = parse(text).formula
        if sentence is not None and formula is not None:
            sections.append("\n".join((f"{asked.key} = {text}", sentence, outline(formula))))
    return "\n\n".join((*sections, planned))
