"""What every built-in KPI is for `facts.a_day_in_the_shop`, counted by hand over its week.

The contacts are called A to G as there. Their customers are c1 c1 c2 c3 c4 c5 c6.
"""

from __future__ import annotations

from fractions import Fraction as F

GOLDEN: dict[str, F | int] = {
    "contacts_offered": 6,  # all but the bot's F
    "contacts_handled": 4,  # A B C G
    "contacting_customers": 5,  # c1 c2 c3 c4 c6
    "valid_session_rate": F(3, 4),  # in C nobody wrote
    "first_response_time": F(80 + 20 + 15 + 3600, 4),
    "first_response_time_median": 20,
    "first_response_time_p90": 3600,
    "first_response_time_business": F(80 + 20 + 15 + 1800, 4),  # closed from 14:30 to 15:00
    "first_response_over_30s_rate": F(5, 7),  # A and G took longer, D E F never came
    "unanswered_contacts": 2,  # D E
    "average_response_time": F(80 + 40 + 20 + 3600, 4),  # by turn
    "next_response_time": 40,  # A's second turn; G's second has no reply
    "average_speed_of_answer": F(60 + 10 + 15 + 600, 4),
    "longest_wait_time": 600,
    "abandoned_wait_time": F(40 + 3, 2),
    "abandonment_rate": F(1, 5),  # D of A B C D G: E gave up within 5 s
    "service_level": F(2, 5),  # B and C
    "reply_rate": F(2, 3),  # c1 and c6 on their day; c5 wrote and nobody replied
    "reply_in_30s_rate": F(1, 6),  # B's only turn
    "reply_in_3m_rate": F(3, 6),  # A's two and B's
    "aht": F(540 + 1190 + 420, 3),
    "resolution_time": F(600 + 1200 + 300, 3),  # A B F
    "resolution_time_median": 600,
    "resolution_time_business": F(600 + 1200 + 300, 3),
    "first_resolution_time": F(600 + 300 + 300, 3),  # A B F; B's second cycle is no first one
    "resolution_rate": F(3, 5),  # A B F of A B C F G
    "final_resolution_rate": F(1, 5),  # F: A was followed, B reopened, C and G are not resolved
    "fcr": F(1, 3),  # A of A B C
    "one_touch_resolution_rate": F(1, 3),  # A of A B F
    "customer_confirmed_resolution_rate": F(1, 2),
    "no_repeat_contact_rate": F(6, 7),  # B followed A
    "no_repeat_issue_rate": F(6, 7),
    "repeat_contact_rate": F(1, 7),
    "repeat_issue_rate": F(1, 7),
    "sla_attainment": F(1, 3),  # in time, late, never; the one that is not due is in neither part
    "reopen_rate": F(1, 2),  # B of A B; of F that is not known
    "reopens_per_resolved": F(1, 3),
    "escalation_rate": F(1, 3),
    "transfer_rate": F(1, 3),
    "csat": F(2, 4),
    "csat_mean": F(5 + 2 + 1 + 4, 4),
    "very_satisfied_rate": F(1, 4),
    "low_score_rate": F(2, 4),
    "low_score_cause_rate": F(1, 2),
    "low_score_callback_rate": F(1, 2),
    "csat_response_rate": F(4, 5),
    "csat_coverage": F(3, 4),  # A B C of those handled
    "nps": 25,  # 10 and 9 less 3, of four
    "ces": 5,
    "ces_easy_rate": F(2, 3),
    "negative_sentiment_rate": F(2, 3),
    "qa_score": F(90 + 80 + 40 + 50, 4),
    "qa_pass_rate": F(1, 2),
    "qa_coverage": F(2, 4),
    # pairs (90, 80) and (40, 50): observed 100, by chance (100 + 1600 + 1600 + 100) / 4 = 850
    "qa_calibration": 1 - F(100, 850),
    "occupancy": F(4, 7),
    "utilisation": F(4, 8),
    "availability": F(3, 8),
    "suspended_rate": F(1, 8),
    "concurrency": F(540 + 1190 + 585, 540 + 1190),  # C lies within B
    "silence_ratio": F(100, 400),
    "hold_ratio": F(60, 360),
    "answer_question_ratio": F(1 + 4 + 0 + 0 + 1, 3 + 2 + 0 + 3 + 2),
    "bot_containment_rate": F(1, 2),  # F of A F
    "bot_to_human_rate": F(1, 2),
    "self_service_deflection_rate": 1,  # F
    "kb_usage_rate": F(1, 3),  # A of A B F
    "article_resolve_rate": F(1, 2),  # c1 wrote within the day, c6 did not
    "backlog": 1,  # G
    "backlog_age": 6 * 86_400 + 10 * 3600,  # from Monday 14:00 to the next
    "clearance_rate": F(3, 7),
    "net_flow": 4,
    "contact_rate": F(7, 4),
    "contacts_per_1000_customers": F(1000 * 7, 4),  # c1 c3 c5 c6 at the week's end
    "issue_share": 1,  # of all issue types together
    "untyped_rate": F(4, 7),  # D E F G
    "slowness_lift": 1,  # of all products together
    "vip_csat_gap": 1 - F(1, 3),
    "conversion_rate": F(1, 2),
    "enquiry_conversion_rate": F(2, 6),  # c1 and c2 paid
    "retention_save_rate": F(2, 3),  # c2 left
    "service_sales": 150,
    "net_service_sales": 130,
    "average_order_value": 150,  # c1 is the only buyer
    "repurchase_rate": F(1, 2),  # c1 of c1 c2
    "customer_margin": F(30 + 10 + 20, 2),
    "churn_rate": F(1, 4),  # c2 of c1 c2 c5 c6 on Monday
    "at_risk_share": F(1, 4),  # c6 of c1 c3 c5 c6
    "cost_per_contact": F(160, 4),
    "service_score": F(40) * F(1, 2) / F(4, 5) + 30 * F(45) / F(3715, 4) + 30 * F(3, 5) / F(17, 20),
}
