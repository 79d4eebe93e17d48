"""The built-in KPIs, as rows of data. One key a figure.

A tenant starts with all of them and may change or add; a formula here is never bent to one data set.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from backend.metrics import repository
from backend.metrics.benchmarks.baselines import industry_baselines
from backend.metrics.benchmarks.repository import insert_missing
from backend.metrics.kpi import Band, Kpi
from tenants.database import WriteSession

_EFFICIENCY, _QUALITY, _OUTCOME = "efficiency", "quality", "outcome"
_UP, _DOWN, _BAND = "up", "down", "band"

# A bot's chat asked for a human only if it came into a queue or to an agent.
_ASKED = 'channel != "bot" or queued or accepted'
_OFFERED = f"({_ASKED})"
# A caller who gives up within 5 s misdialled or changed his mind: in neither part of a rate. An abandoned
# call whose wait is unknown counts in full.
_NOT_SHORT = '(channel != "call" or not abandoned or wait_time is missing or wait_time >= 5s)'
_CSAT, _NPS, _CES = (f'survey.kind = "{kind}"' for kind in ("csat", "nps", "ces"))


def _kpi(
    key: str,
    name_en: str,
    name_zh: str,
    formula: str,
    family: str,
    direction: str | None,
    doc: str,
    *,
    unit: str | None = None,
    benchmark: tuple[str, str] | None = None,
    guardrails: tuple[str, ...] = (),
    measure: tuple[str | None, str | None] = (None, None),
) -> Kpi:
    band = Band(*map(Decimal, benchmark)) if benchmark else Band()
    return Kpi(
        key,
        name_en,
        name_zh,
        formula,
        family,
        direction,
        doc,
        unit,
        benchmark=band,
        guardrails=guardrails,
        builtin=True,
        measure_en=measure[0],
        measure_zh=measure[1],
    )


# fmt: off
CATALOGUE: tuple[Kpi, ...] = (
    # volume
    _kpi("contacts_offered", "Contacts offered", "咨询量",
         f"count(where {_ASKED}) at queued", _EFFICIENCY, None,
         "Interactions that asked for a human, by queue entry; what stayed with a bot is left out."),
    _kpi("contacts_handled", "Contacts handled", "接待量",
         "count(where accepted) at accepted", _EFFICIENCY, None,
         "Interactions that a human agent took, by the moment it was taken."),
    _kpi("contacting_customers", "Contacting customers", "咨询人数",
         f"count_distinct(customer where {_ASKED}) at queued", _EFFICIENCY, None,
         "Different customers who asked for a human; over several days each counts once."),
    _kpi("valid_session_rate", "Valid session rate", "有效会话率",
         "share(customer_messages >= 1 and agent_messages >= 1 where accepted) at accepted", _QUALITY, _UP,
         "Of the interactions handled, those with at least one message from each side."),
    # waiting and answering
    _kpi("first_response_time", "First response time", "平均首次响应时间",
         "avg(first_response_time)", _EFFICIENCY, _DOWN,
         "Mean time from the start to the first public human reply; unanswered interactions have none.",
         benchmark=("30", "60"), guardrails=("resolution_rate", "no_repeat_contact_rate"),
         measure=(
             "Find the slow hours and staff them, let the bot greet and answer the common questions.",
             "找出响应慢的时段并加派人手，常见问题由机器人先行应答。")),
    _kpi("first_response_time_median", "Median first response time", "首次响应时间中位数",
         "median(first_response_time)", _EFFICIENCY, _DOWN,
         "The middle first response time, within one percent.",
         guardrails=("resolution_rate", "no_repeat_contact_rate")),
    _kpi("first_response_time_p90", "First response time, 90th percentile", "首次响应时间 P90",
         "p90(first_response_time)", _EFFICIENCY, _DOWN,
         "Nine of ten first replies came at least this fast, within one percent.",
         guardrails=("resolution_rate", "no_repeat_contact_rate")),
    _kpi("first_response_over_30s_rate", "First responses over 30 s", "首次响应超标会话比例",
         "share(first_response_time > 30s or first_response_time is missing and first_response is missing)",
         _EFFICIENCY, _DOWN,
         "Interactions whose first reply took over 30 s or never came."),
    _kpi("average_speed_of_answer", "Average speed of answer", "平均排队时长",
         "avg(wait_time where accepted) at queued", _EFFICIENCY, _DOWN,
         "Mean wait in the queue of the interactions that were answered.",
         guardrails=("abandonment_rate",),
         measure=(
             "Match the rota to the arrivals hour by hour, and offer a call back at peaks.",
             "按小时来量排班，高峰期提供回电服务。")),
    _kpi("longest_wait_time", "Longest wait", "最长排队时长",
         "max(wait_time) at queued", _EFFICIENCY, _DOWN,
         "The longest wait in the queue, answered or not."),
    _kpi("abandonment_rate", "Abandonment rate", "排队放弃率",
         f"share(abandoned where {_OFFERED} and {_NOT_SHORT}) at queued", _QUALITY, _DOWN,
         "Share of the contacts offered that gave up waiting. Calls given up in under 5 s are left out of "
         "both parts; one whose wait is unknown is counted.",
         measure=(
             "Staff the peaks, say how long the wait is, and offer a call back.",
             "高峰期加派人手，告知预计等待时间并提供回电。")),
    _kpi("service_level", "Service level (20 s)", "服务水平（20 秒）",
         f"share(accepted and wait_time <= 20s where {_OFFERED} and {_NOT_SHORT}) at queued",
         _EFFICIENCY, _UP,
         "Share of the contacts offered that were answered within 20 s. The abandoned stay in the "
         "denominator, but for calls given up in under 5 s.",
         guardrails=("csat",),
         measure=(
             "Match the rota to the arrivals hour by hour; keep breaks out of the peaks.",
             "按小时来量排班，休息时间避开高峰。")),
    # handling
    _kpi("aht", "Average handle time", "平均处理时间",
         "avg(handle_time) at closed", _EFFICIENCY, _DOWN,
         "Mean time an agent worked on an interaction: talk, hold and wrap-up of a call, from takeover to "
         "close otherwise.",
         guardrails=("fcr", "csat"),
         measure=(
             "Look up the longest contacts by issue type; better articles shorten them, haste does not.",
             "按问题类型查看耗时最长的会话，完善知识库和快捷回复，而不是催促客服。")),
    _kpi("resolution_time", "Average resolution time", "平均解决时长",
         "avg(resolution_time where resolved) at resolved", _EFFICIENCY, _DOWN,
         "Mean time from the start to the last solve, of what is resolved.",
         measure=(
             "See where cases wait (other teams, parts, the customer); give each wait an owner and a limit.",
             "查清工单等待环节（其他部门、备件、客户），为每个环节指定负责人和时限。")),
    _kpi("resolution_time_median", "Median resolution time", "解决时长中位数",
         "median(resolution_time where resolved) at resolved", _EFFICIENCY, _DOWN,
         "The middle resolution time, within one percent."),
    _kpi("silence_ratio", "Silence ratio", "静默占比",
         "sum(silence_time where talk_time is not missing) / sum(silence_time + talk_time) at closed",
         _QUALITY, _DOWN,
         "Silence as a share of silence and talk, of interactions where both are known."),
    _kpi("answer_question_ratio", "Answer to question ratio", "答问比",
         "sum(agent_messages) / sum(customer_messages) at closed", _QUALITY, _BAND,
         "Agents' messages for each message by a customer."),
    _kpi("transfer_rate", "Transfer rate", "转接率",
         "share(transfers >= 1 where accepted) at accepted", _EFFICIENCY, _DOWN,
         "Of the interactions handled, those passed on at least once.",
         measure=(
             "Ask for the reason before routing, and train the skills that contacts are passed on for.",
             "分流前先问清来意，并针对常被转走的问题培训技能。")),
    _kpi("escalation_rate", "Escalation rate", "升级率",
         "share(escalated where accepted) at accepted", _QUALITY, _DOWN,
         "Of the interactions handled, those raised to a higher tier.",
         measure=(
             "Train first-line agents on the issues most often raised, and let them decide more.",
             "针对最常升级的问题培训一线客服，并适当放权。")),
    # outcome of the contact
    _kpi("resolution_rate", "Resolution rate", "问题解决率",
         "share(resolved) at closed", _OUTCOME, _UP,
         "Resolved, of those marked resolved or not; unmarked interactions are in neither part.",
         benchmark=("0.80", "0.90"),
         measure=(
             "Train product knowledge on the issue types resolved least, and let agents do what solves them.",
             "针对解决率最低的问题类型加强产品知识培训，并给客服相应的处理权限。")),
    _kpi("fcr", "First contact resolution", "一次解决率",
         "share(resolved_on_first_contact)", _OUTCOME, _UP,
         "Resolved in the first interaction, of all for which that is known.",
         guardrails=("no_repeat_contact_rate",),
         measure=(
             "Look at what brings customers back, train it, and solve the next question before it is asked.",
             "分析客户再次来访的原因并加强培训，主动解答客户的下一个问题。")),
    _kpi("no_repeat_contact_rate", "No repeat contact in 7 days", "7 天内未重复咨询率",
         "share(not contacted_again_within(7d))", _OUTCOME, _UP,
         "Interactions of known customers that no other followed within 7 days; provisional until then.",
         measure=(
             "Take the issues that customers return with, and mend them at the source.",
             "针对客户反复咨询的问题，从源头上解决。")),
    _kpi("reopen_rate", "Reopen rate", "重开率",
         "share(reopens >= 1 where resolved or reopens >= 1) at resolved", _QUALITY, _DOWN,
         "Of what was ever resolved, what went back to open.",
         measure=(
             "Ask whether it is solved before closing, and review what came back.",
             "关闭前确认问题已解决，并复盘重开的工单。")),
    # satisfaction
    _kpi("csat", "CSAT", "客户满意度",
         f"share(survey.score >= 4 where {_CSAT})", _QUALITY, _UP,
         "Satisfied (4 or 5 of 5), of those who rated.",
         benchmark=("0.75", "0.85"),
         measure=(
             "Train communication on the causes of low scores, and follow up with whoever gave one.",
             "针对差评原因培训沟通技巧和话术，并逐一回访差评客户。")),
    _kpi("csat_mean", "Mean satisfaction", "满意度均分",
         f"avg(survey.score where {_CSAT})", _QUALITY, _UP,
         "Mean rating on the survey's scale, 1 to 5."),
    _kpi("very_satisfied_rate", "Very satisfied", "非常满意率",
         f"share(survey.score >= 5 where {_CSAT})", _QUALITY, _UP,
         "The top box: 5 of 5, of those who rated."),
    _kpi("low_score_rate", "Low scores", "差评率",
         f"share(survey.score <= 2 where {_CSAT})", _QUALITY, _DOWN,
         "1 or 2 of 5, of those who rated.",
         measure=(
             "Note the cause of every low score, call back within a day, mend the commonest cause first.",
             "为每条差评标注原因，一天内回访，优先解决最常见的原因。")),
    _kpi("csat_response_rate", "Survey response rate", "参评率",
         f"share(survey.score is not missing where {_CSAT}) at invited", _QUALITY, _UP,
         "Rated, of those invited, by the invitation; an invitation alone is not a rating.",
         measure=(
             "Invite right after the contact, with one question.",
             "会话结束后立即邀评，只问一个问题。")),
    _kpi("nps", "Net promoter score", "净推荐值",
         f"100 * (count(where survey.score >= 9 and {_NPS}) - count(where survey.score <= 6 and {_NPS})) "
         f"/ count(where survey.score is not missing and {_NPS})", _OUTCOME, _UP,
         "Promoters (9, 10) less detractors (0 to 6), of all answers, in points from -100 to 100.",
         unit="points",
         measure=(
             "Ask detractors why, and take the reasons to those who own product and delivery.",
             "询问贬损者原因，并反馈给产品和物流负责人。")),
    _kpi("ces", "Customer effort score", "客户费力度",
         f"avg(survey.score where {_CES})", _QUALITY, _UP,
         "Mean agreement, 1 to 7, that it was made easy.",
         measure=(
             "Cut steps: fewer transfers, no question asked twice, answers where customers look for them.",
             "减少步骤：少转接、不重复提问、让客户自己找得到答案。")),
    # quality assurance
    _kpi("qa_score", "QA score", "质检分",
         "avg(review.score)", _QUALITY, _UP,
         "Mean score of QA reviews, 0 to 100.",
         unit="points",
         measure=(
             "Coach each agent on the form's weakest item, and calibrate the reviewers.",
             "针对每位客服得分最低的质检项进行辅导，并校准质检员的评分标准。")),
    _kpi("qa_pass_rate", "QA pass rate", "质检合格率",
         "share(review.passed)", _QUALITY, _UP,
         "Reviews that reached their form's pass mark."),
    # bots
    _kpi("bot_containment_rate", "Bot containment", "机器人独立接待率",
         "share(queued is missing and accepted is missing where bot_messages >= 1)", _EFFICIENCY, _UP,
         "Of the sessions a bot answered in, those that never went to a queue or an agent.",
         guardrails=("csat", "no_repeat_contact_rate"),
         measure=(
             "Teach the bot the questions it hands over most, and keep the way to a human short.",
             "让机器人学会转人工最多的问题，同时保持转人工通道畅通。")),
    _kpi("bot_to_human_rate", "Bot to human rate", "转人工率",
         "share(queued is not missing or accepted is not missing where bot_messages >= 1)",
         _EFFICIENCY, _DOWN,
         "Of the sessions a bot answered in, those handed to a human."),
    # business
    _kpi("conversion_rate", "Conversion rate", "转化率",
         "share(converted)", _OUTCOME, _UP,
         "Led to a sale or kept the customer, of those for which that is known.",
         measure=(
             "Reply faster before the order, and train product advice and offers.",
             "加快售前响应，培训商品推荐和优惠话术。")),
    _kpi("service_sales", "Service sales", "客服销售额",
         "sum(order.amount where order.paid and agent is not missing) at paid", _OUTCOME, _UP,
         "Paid orders that are attributed to an agent, gross."),
    _kpi("net_service_sales", "Net service sales", "客服净销售额",
         "sum(order.amount where order.paid and agent is not missing) "
         "- sum(order.refunded where order.paid and agent is not missing) at paid", _OUTCOME, _UP,
         "Paid orders that are attributed to an agent, less refunds."),
    _kpi("average_order_value", "Average order value", "客单价",
         "sum(order.amount where order.paid and agent is not missing) "
         "/ count_distinct(customer where order.paid and agent is not missing) at paid", _OUTCOME, _UP,
         "Service sales for each different buyer."),
    _kpi("contact_rate", "Contact rate", "咨询率",
         "count() / count(where order.ordered)", _OUTCOME, _DOWN,
         "Interactions for each order placed in the same time.",
         measure=(
             "Answer on the product page what most customers ask, and mend what makes them ask.",
             "在商品页说明客户最常问的问题，并解决引发咨询的根源。")),
)
# fmt: on

_BY_KEY = {one.key: one for one in CATALOGUE}

# Built-in formulas hold for all of a tenant's past, however old the data it brings.
_ALWAYS = date(1970, 1, 1)
_AUTHOR = "scoredesk"


async def seed_catalogue(session: WriteSession) -> None:
    """Gives a tenant the built-in KPIs and the industry's figures it does not have yet; safe to repeat, never
    changes one.
    """
    await repository.insert_kpis(session, CATALOGUE, effective_from=_ALWAYS, author=_AUTHOR)
    await insert_missing(session, industry_baselines(CATALOGUE), author=_AUTHOR)


def find_builtin(key: str) -> Kpi | None:
    """The KPI of that key as it comes with Scoredesk, None where none does."""
    return _BY_KEY.get(key)
