"""Formulas in plain words, in both languages."""

from __future__ import annotations

import pytest

from backend.metrics.language.parser import parse
from backend.metrics.language.sentence import Tongue, render_sentence
from tests.backend.metrics.language.corpus import VOCABULARY, right_formulas

CASES = [
    (
        'avg(first_response_time) where channel = "chat"',
        "average first response time, where channel is chat",
        "平均首次响应时间，条件：渠道为在线会话",
    ),
    (
        "share(first_response_time > 30s)",
        "share of interactions where first response time is above 30 seconds",
        "首次响应时间大于30秒的会话占比",
    ),
    (
        'share(survey.score >= 4 where survey.kind = "csat")',
        "share of survey responses where survey score is at least 4, among those where survey kind is csat",
        "调查得分不低于4的调查占比（范围：调查类型为满意度）",
    ),
    (
        "count(where resolved_on_first_contact) / count()",
        "(number of interactions where resolved on first contact) divided by number of interactions",
        "会话数量（一次解决）除以会话数量",
    ),
    (
        "p99.9(handle_time) at closed including excluded",
        "99.9th percentile of handle time, dated by “closed”, excluded ones included",
        "处理时长的第 99.9 百分位数，按关闭时间统计，含已排除的记录",
    ),
    (
        "avg(resolved - started)",
        "average time from started to resolved",
        "平均从开始到解决的时间",
    ),
    (
        "avg(business(first_response_time))",
        "average first response time in business hours",
        "平均工作时间内的首次响应时间",
    ),
    (
        "share(business(closed - accepted) <= 8h where resolved)",
        "share of interactions where time from accepted to closed in business hours is at most 8 hours, "
        "among those where resolved",
        "工作时间内的从接入到关闭的时间不超过8小时的会话占比（范围：解决）",
    ),
    (
        "p90(business_last(resolution_time))",
        "90th percentile of resolution time in the business hours that held at its end",
        "按结束时班表计工作时间内的解决时长的第 90 百分位数",
    ),
    (
        "sum(if(converted, amount, 0))",
        "total (amount if converted, else 0)",
        "（若已转化则金额，否则0）合计",
    ),
    (
        'count(where channel not in ("chat", "call") and segment is not missing and not escalated)',
        "number of interactions where channel is none of chat, call and segment is known and not escalated",
        "会话数量（渠道不属于在线会话、电话且客户分群非空且非已升级）",
    ),
    (
        "count(where answered or abandoned and escalated or converted) at invited",
        "number of interactions where answered or (abandoned and escalated) or converted, "
        "dated by “survey invited”",
        "会话数量（已接入或（已放弃且已升级）或已转化），按邀评时间统计",
    ),
    (
        "share(resolved) credited to last",
        "share of interactions where resolved, credited to the last agent",
        "解决的会话占比，归属于末位客服",
    ),
    (
        "count(credited to time_share)",
        "number of interactions, credited to all participants by their time",
        "会话数量，归属于全部参与客服（按时长分摊）",
    ),
    (
        "share(followed_within(4d, order.paid, product where order.amount >= 10))",
        "share of interactions where followed within 4 days by one of the customer's orders (paid) "
        "with the same product where order amount is at least 10",
        "之后4天内该客户有订单（付款）且产品相同（订单金额不低于10）的会话占比",
    ),
    (
        "count(where not preceded_within(7d, started, issue_type) and order.paid)",
        "number of orders where not preceded within 7 days by one of the customer's interactions (started) "
        "with the same issue type and paid",
        "订单数量（非之前7天内该客户有会话（开始）且问题类型相同且付款）",
    ),
    (
        "share(has(review.reviewed where review.score < 60)) / 2",
        "(share of interactions where it has QA reviews (reviewed) where QA score is below 60) divided by 2",
        "有质检（质检）（质检分小于60）的会话占比除以2",
    ),
    (
        "avg(now - started where resolved is missing and matured(2h))",
        "average time from started to now where resolved is missing and at least 2 hours old",
        "平均从开始到现在的时间（解决缺失且已满2小时）",
    ),
    (
        "count_repeated(customer where order.paid) / count_distinct(customer, date)",
        "(number of customer that occur more than once where paid) divided by distinct count of customer, date",
        "重复出现的客户个数（付款）除以不同客户、日期的个数",
    ),
    (
        'count(where segment = "")',
        'number of interactions where segment is ""',
        '会话数量（客户分群为""）',
    ),
    ("1 - @fcr", "1 minus First contact resolution", "1减一次解决率"),
    ("2 * (count() + 3)", "2 times (number of interactions plus 3)", "2乘以（会话数量加3）"),
    (
        "avg(handle_time) - 7h12m58s",
        "average handle time minus 7 hours 12 minutes 58 seconds",
        "平均处理时长减7小时 12分钟 58秒",
    ),
    (
        "share(resolved over month to date)",
        "share of interactions where resolved, month to date",
        "解决的会话占比，本月至今",
    ),
    ("avg(handle_time) over 28d", "average handle time, over the last 28 days", "平均处理时长，近28天"),
    (
        "count(while open) / count()",
        "(number of interactions, those open when the period ends) divided by number of interactions",
        "（会话数量，期末未结）除以会话数量",
    ),
    (
        'max(age while waiting) where channel = "chat"',
        "largest age, those waiting in a queue when the period ends, where channel is chat",
        "最大已持续时长，期末排队中，条件：渠道为在线会话",
    ),
    (
        'count(where agent = "ann") while ongoing',
        "number of agent activities where agent is ann, those going on when the period ends",
        "坐席状态数量（客服为ann），期末进行中",
    ),
    (
        "count() / count(across issue_type, product)",
        "number of interactions divided by (number of interactions, whatever the issue type, product)",
        "会话数量除以（会话数量，不分问题类型、产品）",
    ),
]
NAMES = {Tongue.EN: {"fcr": "First contact resolution"}, Tongue.ZH: {"fcr": "一次解决率"}}


@pytest.mark.parametrize("text, english, chinese", CASES, ids=[case[0] for case in CASES])
def test_a_formula_is_said(text: str, english: str, chinese: str) -> None:
    formula = parse(text).formula
    assert formula is not None
    assert render_sentence(formula, VOCABULARY, Tongue.EN, NAMES[Tongue.EN]) == english
    assert render_sentence(formula, VOCABULARY, Tongue.ZH, NAMES[Tongue.ZH]) == chinese


def test_every_right_formula_can_be_said_and_two_meanings_are_not_said_alike() -> None:
    for tongue in Tongue:
        said: dict[str, str] = {}
        for right in right_formulas():
            formula = parse(right.text).formula
            assert formula is not None
            sentence = render_sentence(formula, VOCABULARY, tongue)
            assert "{" not in sentence
            assert said.setdefault(sentence, right.canonical) == right.canonical, sentence


def test_a_kpi_without_a_name_is_called_by_its_key() -> None:
    formula = parse("@resolution_rate").formula
    assert formula is not None
    assert render_sentence(formula, VOCABULARY) == "resolution rate"
