"""The built-in fields, as rows: name, type, label, meaning. Tenant attributes are added in `vocabulary`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from backend.metrics.language.types import (
    BOOLEAN,
    COUNT,
    DATE,
    DURATION,
    MOMENT,
    NUMBER,
    SCORE,
    TEXT,
    Field,
    Origin,
    Type,
    money,
)

INTERACTION = "interaction"
BASE = "base"  # the customers as rows to count
CUSTOMER = "customer"  # no rows to count: what any fact with a customer reaches through it
NOW = "now"
CHANNELS = ("chat", "call", "ticket", "email", "social", "review", "bot")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BANDS = ("satisfied", "neutral", "dissatisfied")
SURVEY_KINDS = ("csat", "nps", "ces")
ACTORS = ("customer", "agent", "bot", "system")
CHOICES_ZH = {  # how a Chinese sentence calls the values of closed fields
    "chat": "在线会话", "call": "电话", "ticket": "工单", "email": "邮件", "social": "社交媒体",
    "review": "评论", "bot": "机器人", "customer": "客户", "agent": "客服", "system": "系统",
    "satisfied": "满意", "neutral": "一般", "dissatisfied": "不满意",
    "csat": "满意度", "nps": "净推荐值", "ces": "费力度",
    **dict(zip(WEEKDAYS, ("周一", "周二", "周三", "周四", "周五", "周六", "周日"), strict=True)),
}  # fmt: skip
# Calendar texts that sort as they run, so < and > make sense on them.
ORDERED_TEXTS = frozenset({"iso_week", "month", "quarter"})

# A moment in a condition asks whether it happened; these have a column of their own for the answer.
_TRUTHS = {"accepted": "answered", "resolved": "resolved"}
_MOMENTS = (
    ("started", "started", "开始", "When it began: the first customer message, the call's arrival."),
    ("queued", "queued", "进入排队", "When it entered a queue for a human."),
    ("accepted", "accepted", "接入", "When a human agent took it. In a condition: was it answered."),
    ("first_response", "first response", "首次回复", "When a human first replied in public."),
    ("resolved", "resolved", "解决", "When it was last solved. In a condition: is it marked resolved."),
    ("closed", "closed", "关闭", "When it was closed."),
)
_DURATIONS = (
    (
        "first_response_time",
        "first response time",
        "首次响应时间",
        "From the start to the first human reply.",
    ),
    ("wait_time", "wait time", "排队时长", "From entering the queue to being taken, or to giving up."),
    (
        "handle_time",
        "handle time",
        "处理时长",
        "The agent's time on it, as given, or talk, hold and wrap-up.",
    ),
    ("talk_time", "talk time", "通话时长", "Time in conversation."),
    ("hold_time", "hold time", "保持时长", "Time the customer was on hold."),
    ("wrap_up_time", "wrap-up time", "话后处理时长", "The agent's work after the contact ended."),
    ("silence_time", "silence time", "静默时长", "Time in the conversation when nobody spoke."),
    ("resolution_time", "resolution time", "解决时长", "From the start to the last solve."),
)
_COUNTS = (
    ("customer_messages", "customer messages", "客户消息数", "Messages by the customer."),
    ("agent_messages", "agent messages", "客服消息数", "Public messages by human agents."),
    ("bot_messages", "bot messages", "机器人消息数", "Messages by a bot."),
    ("reopens", "reopens", "重开次数", "How often it went from solved back to open."),
    ("transfers", "transfers", "转接次数", "How often it passed from one agent or queue to another."),
)
_BOOLEANS = (
    ("answered", "answered", "已接入", "A human agent took it."),
    ("abandoned", "abandoned", "已放弃", "The customer left before an agent took it."),
    (
        "resolved_on_first_contact",
        "resolved on first contact",
        "一次解决",
        "Solved without a second contact.",
    ),
    ("escalated", "escalated", "已升级", "It was raised to a higher tier."),
    ("converted", "converted", "已转化", "It led to a sale, or the customer was kept."),
    ("at_risk", "customer at risk", "有流失风险", "The customer was flagged as likely to leave."),
)
_NAMED = (
    ("agent", "agent", "客服", "The agent, by external id."),
    ("team", "team", "团队", "The team, by external id; of orders and activities the agent's team today."),
    ("queue", "queue", "队列", "The queue, by external id."),
    ("customer", "customer", "客户", "The customer, by external id."),
    ("issue_type", "issue type", "问题类型", "What it was about, by external id."),
    ("product", "product", "产品", "The product, by external id."),
)
_TEXTS = (
    ("product_version", "product version", "产品版本", "The product's version or module."),
    ("priority", "priority", "优先级", "The priority, in the source's words."),
    ("language", "language", "语言", "The customer's language."),
    ("segment", "segment", "客户分群", "The customer's segment at that time: vip, new ..."),
    ("source", "source", "来源", "The system it came from."),
    ("sentiment_model", "sentiment model", "情感模型", "Who judged the sentiment: model or person, version."),
    ("problem_id", "problem id", "问题编号", "Links the interactions of one customer problem."),
    ("exclusion", "exclusion", "排除原因", "Why it is kept but not counted; use with “including excluded”."),
)
_CALENDAR: tuple[tuple[str, Type, str, str, str, tuple[str, ...]], ...] = (
    ("hour_of_day", NUMBER, "hour of day", "小时", "0 to 23.", ()),
    ("weekday", TEXT, "weekday", "星期", "The day's English name.", WEEKDAYS),
    ("date", DATE, "date", "日期", 'Compared with a text: "2021-02-01".', ()),
    ("iso_week", TEXT, "ISO week", "ISO 周", 'As "2020-W53"; weeks start on Monday.', ()),
    ("month", TEXT, "month", "月份", 'As "2021-01".', ()),
    ("quarter", TEXT, "quarter", "季度", 'As "2021-Q1".', ()),
    ("year", NUMBER, "year", "年份", "As 2021.", ()),
)  # fmt: skip
# Fields of the other facts and of the customer:
# prefix.name, type (None: money), column, labels, meaning, groupable, choices.
_OTHERS: tuple[tuple[str, Type | None, str, str, str, str, bool, tuple[str, ...]], ...] = (
    ("customer.segment", TEXT, "segment", "customer's segment", "客户当前分群",
     "The customer's segment today.", True, ()),
    ("survey.kind", TEXT, "kind", "survey kind", "调查类型", "Which survey it is.", True, SURVEY_KINDS),
    ("survey.score", SCORE, "score", "survey score", "调查得分",
     "The answer on its scale; missing until answered.",
     True, ()),
    ("survey.scale_min", SCORE, "scale_min", "lowest score", "量表下限",
     "The scale's lowest score.", False, ()),
    ("survey.scale_max", SCORE, "scale_max", "highest score", "量表上限",
     "The scale's highest score.", True, ()),
    ("survey.comment", TEXT, "comment", "survey comment", "评价内容",
     "What the customer wrote.", False, ()),
    ("survey.invited", MOMENT, "invited_at", "survey invited", "邀评",
     "When the customer was asked.", False, ()),
    ("survey.responded", MOMENT, "responded_at", "survey answered", "参评",
     "When the customer answered.", False, ()),
    ("order.amount", None, "amount", "order amount", "订单金额", "Gross amount.", False, ()),
    ("order.refunded", None, "refunded", "refunded amount", "退款金额", "What was given back.", False, ()),
    ("order.margin", None, "margin", "order margin", "订单毛利", "Margin.", False, ()),
    ("order.ordered", MOMENT, "ordered_at", "ordered", "下单", "When it was ordered.", False, ()),
    ("order.paid", MOMENT, "paid_at", "paid", "付款", "When it was paid.", False, ()),
    ("event.kind", TEXT, "kind", "event kind", "事件类型",
     "message, note, assigned, transferred, solved, reopened ...",
     True, ()),
    ("event.actor", TEXT, "actor", "event actor", "事件发起方", "Who did it.", True, ACTORS),
    ("event.public", BOOLEAN, "public", "public event", "公开事件", "The customer could see it.", True, ()),
    ("event.automatic", BOOLEAN, "automatic", "automatic event", "自动事件", "No human did it.", True, ()),
    ("event.happened", MOMENT, "happened_at", "event time", "事件发生", "When it happened.", False, ()),
    ("review.score", SCORE, "score", "QA score", "质检分", "0 to 100 points.", False, ()),
    ("review.passed", BOOLEAN, "passed", "QA passed", "质检合格",
     "It reached the form's pass mark.", True, ()),
    ("review.critical_fail", BOOLEAN, "critical_fail", "critical fail", "致命错误",
     "A critical item failed.", True, ()),
    ("review.reviewed", MOMENT, "reviewed_at", "reviewed", "质检", "When it was reviewed.", False, ()),
    ("review.form", TEXT, "form", "QA form", "质检表", "Which QA form was used.", True, ()),
    ("review.reviewer", TEXT, "reviewer", "reviewer", "质检员", "Who reviewed.", True, ()),
    ("activity.state", TEXT, "state", "agent state", "坐席状态", "available, busy, away ...", True, ()),
    ("activity.duration", DURATION, "duration", "time in state", "状态时长",
     "Missing while it goes on.", False, ()),
    ("activity.capacity", COUNT, "capacity", "capacity", "接待上限",
     "Contacts the agent could hold at once.", False, ()),
    ("activity.started", MOMENT, "started_at", "state began", "状态开始",
     "When the state began.", False, ()),
    ("activity.ended", MOMENT, "ended_at", "state ended", "状态结束", "When the state ended.", False, ()),
    ("article.article", TEXT, "article", "article", "文章", "Which knowledge base article.", True, ()),
    ("article.helpful", BOOLEAN, "helpful", "helpful", "有帮助",
     "The reader's verdict; missing without one.", True, ()),
    ("article.viewed", MOMENT, "viewed_at", "article viewed", "文章浏览", "When it was read.", False, ()),
    ("turn.position", NUMBER, "position", "turn number", "轮次",
     "1 is the interaction's first turn.", True, ()),
    ("turn.messages", COUNT, "messages", "messages in the turn", "本轮客户消息数",
     "Customer messages before the reply.", False, ()),
    ("turn.wait", DURATION, "wait", "wait for a reply", "回复等待时长",
     "From the turn's first message to the human reply; missing until there is one.", False, ()),
    ("turn.started", MOMENT, "started_at", "turn began", "本轮开始",
     "When the customer began to write.", False, ()),
    ("turn.replied", MOMENT, "replied_at", "turn answered", "本轮回复",
     "When a human replied. In a condition: whether one did.", False, ()),
    ("cycle.position", NUMBER, "position", "cycle number", "周期序号",
     "1 is from the opening to the first solve, 2 from the first reopening on.", True, ()),
    ("cycle.duration", DURATION, "duration", "cycle's resolution time", "周期解决时长",
     "From the opening or reopening to the solve.", False, ()),
    ("cycle.first_response_time", DURATION, "first_response_time", "cycle's first response time",
     "周期首次响应时间", "From the opening or reopening to the first human reply after it.", False, ()),
    ("cycle.opened", MOMENT, "opened_at", "cycle opened", "周期开启",
     "When the interaction began or was reopened.", False, ()),
    ("cycle.first_response", MOMENT, "first_response_at", "cycle's first response", "周期首次回复",
     "When a human first replied in this cycle.", False, ()),
    ("cycle.solved", MOMENT, "solved_at", "cycle solved", "周期解决",
     "When this cycle ended with a solve. In a condition: whether it did.", False, ()),
    ("survey.cause", TEXT, "cause", "cause of the score", "低分原因",
     "Why the score was low: product defect, attitude, process ...",
     True, ()),
    ("survey.solved", BOOLEAN, "solved", "solved, says the customer", "客户认可解决",
     "Whether the customer says that it was solved.",
     True, ()),
    ("survey.called_back", MOMENT, "called_back_at", "called back", "回访",
     "When the customer was called back.", False, ()),
    ("activity.cost", None, "cost", "cost of the time", "时间成本", "What that time cost.", False, ()),
    ("sla.metric", TEXT, "metric", "SLA metric", "SLA 指标",
     "What was promised: first_response, next_response, resolution ...",
     True, ()),
    ("sla.policy", TEXT, "policy", "SLA policy", "SLA 策略", "The policy that promised it.", True, ()),
    ("sla.target", DURATION, "target", "SLA target", "SLA 目标时长",
     "The time allowed, as it was when it was applied.", False, ()),
    ("sla.applied", MOMENT, "applied_at", "SLA applied", "SLA 生效", "When it began to run.", False, ()),
    ("sla.due", MOMENT, "due_at", "SLA due", "SLA 到期", "When it was to be achieved.", False, ()),
    ("sla.achieved", MOMENT, "achieved_at", "SLA achieved", "SLA 达成",
     "When it was achieved.", False, ()),
    ("base.joined", MOMENT, "joined_at", "customer joined", "客户加入",
     "When the customer came.", False, ()),
    ("base.lost", MOMENT, "lost_at", "customer lost", "客户流失", "When the customer left.", False, ()),
    ("base.at_risk", BOOLEAN, "at_risk", "customer flagged at risk", "客户有流失风险",
     "Flagged as likely to leave.",
     True, ()),
    ("base.segment", TEXT, "segment", "segment of the customer", "客户分群（客户）",
     "The customer's segment today.",
     True, ()),
)  # fmt: skip
# Fields that are found in other rows: name, type, labels, meaning, groupable, choices.
_LOOKED_UP: tuple[tuple[str, Type, str, str, str, bool, tuple[str, ...]], ...] = (
    ("customer.first_csat", TEXT, "customer's first satisfaction", "客户首次满意度",
     "The customer's first CSAT answer by its place on its scale: satisfied in the upper 40 % (4, 5 of 5), "
     "dissatisfied in the lower 40 % (1, 2), else neutral; missing without one.",
     True, BANDS),
    ("review.second_score", SCORE, "second QA score", "复检得分",
     "The score that the next other reviewer gave the same interaction; missing without one.",
     False, ()),
)  # fmt: skip


def built_in_fields(currency_digits: int) -> Iterator[Field]:
    """All built-in fields, in the order of the manual. Money has so many digits after the point."""
    yield Field(
        "channel", INTERACTION, TEXT, Origin.COLUMN, "channel", "channel", "渠道",
        "How the customer came.", groupable=True, choices=CHANNELS,
    )  # fmt: skip
    for name, en, zh, doc in _NAMED:
        yield _field(name, TEXT, en, zh, doc, f"{name}_id", origin=Origin.NAMED, groupable=True)
    for name, en, zh, doc in _TEXTS:
        yield _field(name, TEXT, en, zh, doc, name, groupable=name != "problem_id")
    yield _field(
        "problem", TEXT, "problem", "问题", "The problem's id, or the interaction's where it has none.",
        "problem_id", origin=Origin.LINKING,
    )  # fmt: skip
    for name, en, zh, doc in _BOOLEANS:
        yield _field(name, BOOLEAN, en, zh, doc, name, groupable=True)
    for name, en, zh, doc in _MOMENTS:
        moment = _field(name, MOMENT, en, zh, doc, f"{name}_at")
        yield replace(moment, truth=_TRUTHS.get(name))
    for name, en, zh, doc in _DURATIONS:
        yield _field(name, DURATION, en, zh, doc, name)
    for name, en, zh, doc in _COUNTS:
        yield _field(name, COUNT, en, zh, doc, name)
    yield _field(
        NOW, MOMENT, "now", "现在", "The instant of the answer; every row has it.", NOW, origin=Origin.CLOCK
    )
    cash = money(currency_digits)
    yield _field(
        "sentiment", SCORE, "sentiment", "情感", "The customer's, from -1 (worst) to 1 (best).", "sentiment"
    )
    yield _field("amount", cash, "amount", "金额", "Money the contact brought in.", "amount")
    yield _field(
        "age", DURATION, "age", "已持续时长", "How long a row has been in the state that “while” names.",
        "", origin=Origin.SNAPSHOT,
    )  # fmt: skip
    for name, kind, en, zh, doc, choices in _CALENDAR:
        yield Field(
            name, INTERACTION, kind, Origin.CALENDAR, name, en, zh,
            f"Of the anchor, in the tenant's zone. {doc}", groupable=True, choices=choices,
        )  # fmt: skip
    for dotted, given, column, en, zh, doc, groupable, choices in _OTHERS:
        yield Field(
            dotted, dotted.partition(".")[0], given or cash, Origin.COLUMN, column, en, zh, doc,
            groupable=groupable, choices=choices,
        )  # fmt: skip
    for dotted, kind, en, zh, doc, groupable, choices in _LOOKED_UP:
        yield Field(
            dotted, dotted.partition(".")[0], kind, Origin.LOOKED_UP, dotted, en, zh, doc,
            groupable=groupable, choices=choices,
        )  # fmt: skip


def _field(
    name: str,
    kind: Type,
    en: str,
    zh: str,
    doc: str,
    column: str,
    *,
    origin: Origin = Origin.COLUMN,
    groupable: bool = False,
) -> Field:
    return Field(name, INTERACTION, kind, origin, column, en, zh, doc, groupable=groupable)
