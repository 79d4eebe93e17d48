"""What columns are called, in English and Chinese: the clues by which `guess` finds their fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import normalize

from backend.ingestion.profiles import Look, Profile

_MOMENT = frozenset({Look.MOMENT, Look.DAY})
LASTING = frozenset({Look.DURATION, Look.CLOCK, Look.NUMBER})
_NAME = frozenset({Look.TEXT, Look.NUMBER, Look.BOOLEAN})
_YES = frozenset({Look.BOOLEAN})
_COUNT = frozenset({Look.NUMBER})


@dataclass(frozen=True, slots=True)
class Clue:
    """A field, the names it goes by (the first pattern that matches wins), the looks of its cells.

    `within` are the least and the most that its numbers can be.
    """

    field: str
    looks: frozenset[Look]
    patterns: tuple[str, ...]
    within: tuple[int, int] | None = None

    def fits(self, column: Profile) -> bool:
        """Whether a column's cells can be this field's."""
        if column.look not in self.looks or column.half_day:
            return False
        low, high = column.numbers or (0, 0)
        return self.within is None or self.within[0] <= low <= high <= self.within[1]


CHANNEL_WORDS = (
    (r"e ?mail|邮件|邮箱", "email"),
    (r"call|phone|voice|tel\b|电话|通话|语音|热线|座席|坐席", "call"),
    (r"bot|机器人", "bot"),
    (r"social|facebook|twitter|instagram|weibo|tiktok|微博|抖音|小红书", "social"),
    (r"chat|messag|im\b|whatsapp|wechat|会话|在线|微信|聊天|旺旺", "chat"),
    (r"review|评论", "review"),
    (r"ticket|case|web|form|portal|工单", "ticket"),
)

FIELDS = (
    Clue(
        "started",
        _MOMENT,
        (
            r"^(start|created?|open|begin|received)",
            r"start|creat|opened|开始|创建|进线|发起|来电|^(呼叫|通话|拨打)(日期|时间)",
            r"^(call |ticket |chat )?(date|day|time|datetime|timestamp)( time)?$",
            r"^日期|^时间",
        ),
    ),
    Clue("queued", _MOMENT, (r"queue(d| start)|q start|entered queue", r"排队(开始|时间)|进入队列")),
    Clue("accepted", _MOMENT, (r"accepted|answered|pick(ed)? ?up|assigned", r"接通|接入|应答|分配")),
    Clue("first_response", _MOMENT, (r"first (response|reply)", r"首次(响应|回复)|首响")),
    Clue("resolved_at", _MOMENT, (r"resol|solved", r"解决")),
    Clue("closed", _MOMENT, (r"close|ended|\bend\b|finish", r"结束|关闭|完成")),
    Clue("answered", _YES, (r"answered|picked up|connected", r"接通|接听|应答")),
    Clue("abandoned", _YES, (r"abandon|hung up|missed", r"放弃|未接")),
    Clue("resolved_on_first_contact", _YES, (r"first (contact|call)|\bfcr\b", r"一次(性)?解决|首次解决")),
    Clue("resolved", _YES, (r"resolved|solved", r"解决")),
    Clue("escalated", _YES, (r"escalat", r"升级")),
    Clue("converted", _YES, (r"convert|purchased|sale\b", r"转化|成交")),
    Clue("at_risk", _YES, (r"at risk|churn risk|risk of (churn|leaving)", r"流失(风险|预警|倾向)")),
    Clue("first_response_time", LASTING, (r"first (response|reply)|\bfrt\b", r"首次?响应?(时长|时间)|首响")),
    Clue(
        "wait_time", LASTING, (r"speed of answer|\basa\b|wait|queue time|q time|time in queue", r"等待|排队")
    ),
    Clue("handle_time", LASTING, (r"handl\w+ time|handle|\baht\b", r"处理时长|服务时长|接待时长|会话时长")),
    Clue("hold_time", LASTING, (r"\bhold", r"保持|等候时长")),
    Clue("wrap_up_time", LASTING, (r"wrap|after call|\bacw\b", r"话后|整理")),
    Clue("silence_time", LASTING, (r"silen", r"静默|静音")),
    Clue(
        "talk_time",
        LASTING,
        (r"talk|service time|ser time", r"通话(时长|时间)", r"call (duration|length)|^duration"),
    ),
    Clue("resolution_time", LASTING, (r"resol\w+ time|time to resol", r"解决时长")),
    Clue(
        "agent",
        _NAME,
        (
            r"\bagent( id| name)?$|representative|\brep\b|advisor|operator|assignee|^server$|handled by",
            r"客服(账号|姓名|名称|昵称)?$|坐席|座席|接待人|处理人|员工|旺旺",
        ),
    ),
    Clue("team", _NAME, (r"\bteam|department|\bgroup$", r"团队|部门|小组")),
    Clue("queue", _NAME, (r"\bqueue( name)?$|skill", r"技能组|队列")),
    Clue(
        "customer",
        _NAME,
        (
            r"(customer|client|caller|user|requester|buyer) ?(id|e ?mail|no|number)",
            r"客户(id|编号|邮箱)|买家|访客|用户id",
            r"^(customer|client|caller|requester)$|^客户$",
        ),
    ),
    Clue("customer_name", _NAME, (r"(customer|client|caller|requester) name", r"客户(姓名|名称)")),
    Clue(
        "issue_type",
        _NAME,
        (
            r"topic|issue type|(ticket|contact|call|case) type|category|reason|^type$",
            r"问题(类型|分类)|咨询(类型|分类)|业务类型|主题|分类",
        ),
    ),
    Clue("product_version", _NAME, (r"version", r"版本")),
    Clue("product", _NAME, (r"product", r"产品|商品")),
    Clue("priority", _NAME, (r"priority|urgency", r"优先级|紧急")),
    Clue("language", _NAME, (r"^language|\blang$", r"语言|语种")),
    Clue("segment", _NAME, (r"segment|tier|\bvip", r"客户等级|会员等级")),
    Clue("customer_messages", _COUNT, (r"(customer|visitor|user) messages", r"(买家|访客|客户)消息")),
    Clue("agent_messages", _COUNT, (r"agent messages|replies", r"客服消息")),
    Clue("transfers", _COUNT, (r"transfer", r"转接|转出")),
    Clue("reopens", _COUNT, (r"reopen", r"重开|重新打开")),
    Clue("sentiment_model", _NAME, (r"sentiment.*(model|version)", r"(情感|情绪)(分析)?模型")),
    Clue("sentiment", _COUNT, (r"sentiment", r"情感|情绪"), within=(-1, 1)),
)

REFERENCES = frozenset({"agent", "team", "queue", "customer", "issue_type", "product"})  # id and name

SURVEY = (
    Clue(
        "score",
        _COUNT,
        (r"satisf\w*( rating| score)?|csat|\bnps\b|rating|stars?\b", r"满意度|评分|星级|评价分"),
    ),
    Clue(
        "comment",
        frozenset({Look.TEXT}),
        (r"survey comment|feedback|customer comment", r"评价内容|评价备注|反馈"),
    ),
)

# Further columns of a survey, and of records that a row has beside its interaction. They are looked for before
# the fields above, some of whose patterns would fit them, too.
SURVEY_DETAILS = (
    Clue("called_back", _MOMENT, (r"call(ed)? ?back", r"回访")),
    Clue(
        "cause",
        _NAME,
        (
            r"(reason|cause).*(score|rating)|(dissatisf\w*|low score|bad rating) (reason|cause)|^(root )?cause$",
            r"(低分|差评|不满意?|评价|满意度).*原因|^原因$",
        ),
    ),
    Clue(
        "solved",
        _YES,
        (
            r"(customer|survey|was your|was the).*(re)?solved",
            r"(客户|评价|买家|用户).*解决",
        ),
    ),
)
SLA = (
    Clue("metric", _NAME, (r"\bsla.*(metric|type)", r"\bsla.*(指标|类型)")),
    Clue("applied", _MOMENT, (r"\bsla.*(appl|start|begin)", r"\bsla.*(生效|开始)")),
    Clue("due", _MOMENT, (r"\bsla.*(due|deadline|breach)", r"\bsla.*(到期|截止)")),
    Clue("achieved", _MOMENT, (r"\bsla.*(achiev|\bmet|fulfil|complet)", r"\bsla.*(达成|完成)")),
    Clue("target", LASTING, (r"\bsla.*(target|goal|limit|time|minutes|hours)", r"\bsla.*(目标|时限|时长)")),
    Clue("policy", _NAME, (r"\bsla.*(policy|name|plan)|\bsla$", r"\bsla.*(策略|名称|等级)")),
)
CUSTOMER = (
    Clue(
        "joined",
        _MOMENT,
        (
            r"(customer|client|account|user).*(since|joined|created|registered|sign(ed)? ?up)|^(joined|registered)\b",
            r"(客户|会员|用户)?(注册|加入|入会)(时间|日期)",
        ),
    ),
    Clue("lost", _MOMENT, (r"churn|(customer|client|account).*(lost|left|cancel)", r"流失")),
)

ID_NAMES = (r"\bid\b", r"\bids?$", r"\b(no|number|nr|key|uuid|reference)\b", r"编号|单号|流水号|会话id|工单")
CHANNEL_NAMES = (r"\bchannel\b", r"渠道|接入方式|来源类型", r"\b(medium|via)\b")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a column's name fits one of some patterns."""
    return any(re.search(pattern, plain_name(name)) for pattern in patterns)


def plain_name(name: str) -> str:
    """A name in small letters, its words apart, whatever its case, width and punctuation."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", normalize("NFKC", name))
    return " ".join(re.sub(r"[^\w]+|_", " ", spaced).casefold().split())


def channel_of(text: str) -> str | None:
    """The channel that a text speaks of; None when it speaks of none."""
    plain = plain_name(text)
    return next((channel for pattern, channel in CHANNEL_WORDS if re.search(pattern, plain)), None)


def is_clock(name: str) -> bool:
    """Whether a column of h:mm holds times of day rather than durations."""
    return not re.search(r"duration|talk|wait|hold|handle|时长|耗时|length", plain_name(name))


def tells_time_of(clock: Profile, day: Profile) -> bool:
    """Whether a column of h:mm holds the times of day that belong to a column of days."""
    if clock.half_day or plain_name(clock.name).replace("时间", "日期") == plain_name(day.name):
        return True
    return is_clock(clock.name) and "通话时间" not in clock.name  # which may be how long it took


def unit_of(name: str) -> str:
    """The unit that a column's name gives its numbers; seconds when it gives none."""
    plain = plain_name(name)
    if re.search(r"\b(ms|millis\w*|milliseconds?)\b|毫秒", plain):
        return "ms"
    if re.search(r"\b(min|mins|minutes?)\b|分钟", plain):
        return "min"
    return "h" if re.search(r"\b(h|hrs?|hours?)\b|小时", plain) else "s"
