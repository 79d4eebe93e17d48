"""What customers write below a rating, by what moved them most and by language. Texts only."""

from __future__ import annotations

CAUSES = ("wait", "unresolved", "broken", "transfer", "manner", "content", "delighted")

COMMENTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("wait", "en"): (
        "Waited far too long before anyone answered.",
        "The queue took for ever, I almost gave up.",
        "Nice person, but the waiting time is not acceptable.",
        "Kept me on hold for ages, please hire more people.",
    ),
    ("wait", "zh"): (
        "排队等了太久才有人接。",
        "等待时间太长，差点放弃了。",
        "客服态度不错，就是排队太慢。",
        "一直没人回复，希望增加人手。",
    ),
    ("unresolved", "en"): (
        "My problem is still not solved.",
        "I had to explain everything and still have no solution.",
        "Was told to wait again, nothing has changed.",
        "They closed my case without fixing it.",
    ),
    ("unresolved", "zh"): (
        "问题到现在还没解决。",
        "说了半天也没有解决办法。",
        "又让我继续等，没有任何进展。",
        "没处理好就把工单关了。",
    ),
    ("broken", "en"): (
        "Since the update {version} my {product} keeps going offline.",
        "The new version {version} broke everything at home.",
        "Update {version} is a disaster, the device disconnects every hour.",
    ),
    ("broken", "zh"): (
        "升级到 {version} 以后设备一直掉线。",
        "{version} 版本有问题，{product} 天天断开连接。",
        "更新之后完全不能用了，请尽快修复。",
    ),
    ("transfer", "en"): (
        "Passed from one colleague to the next, I told my story three times.",
        "Transferred twice, nobody knew who is responsible.",
        "Please make up your mind who handles this.",
    ),
    ("transfer", "zh"): (
        "转来转去，同样的问题说了三遍。",
        "被转接了两次，没人知道该谁负责。",
        "部门之间互相推，体验很差。",
    ),
    ("manner", "en"): (
        "Felt rushed, the agent did not listen.",
        "Answers were copied and did not match my question.",
        "Rather short with me.",
    ),
    ("manner", "zh"): (
        "客服有点不耐烦。",
        "回复像是复制粘贴的，答非所问。",
        "感觉在敷衍我。",
    ),
    ("content", "en"): (
        "Good service, thank you.",
        "All sorted, took a moment.",
        "Helpful and polite.",
        "Fine, would have liked a quicker reply.",
    ),
    ("content", "zh"): (
        "服务不错，谢谢。",
        "问题解决了。",
        "态度好，有耐心。",
        "还可以，希望回复再快一点。",
    ),
    ("delighted", "en"): (
        "Brilliant, solved within minutes!",
        "Very patient and knew exactly what to do.",
        "Best support I have had in a long time.",
        "Quick, friendly, done. Thank you!",
    ),
    ("delighted", "zh"): (
        "非常专业，几分钟就解决了！",
        "客服很有耐心，讲得很清楚。",
        "响应很快，非常满意。",
        "给个大大的赞！",
    ),
}
