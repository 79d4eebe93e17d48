-- Every built-in KPI by hand, over a window [$1, $2) at the instant $3: one value in shown units (seconds,
-- fractions, major units of a currency with two digits), NULL for no data. Written from what the KPI means, not
-- from its formula.

-- name: preamble
CREATE TEMP VIEW i AS  -- interactions that count, by each moment with what stands in for it
SELECT interaction.*,
       coalesce(queued_at, started_at) AS at_queued,
       coalesce(accepted_at, started_at) AS at_accepted,
       coalesce(resolved_at, closed_at, started_at) AS at_resolved,
       coalesce(closed_at, resolved_at, started_at) AS at_closed
FROM interaction WHERE exclusion IS NULL;

CREATE TEMP VIEW s AS  -- survey responses that count, and whose interaction does
SELECT survey_response.*,
       score / 1000.0 AS points,
       coalesce(responded_at, whole.started_at) AS at_responded,
       coalesce(invited_at, responded_at, whole.started_at) AS at_invited,
       whole.segment, whole.product_id
FROM survey_response LEFT JOIN interaction AS whole ON whole.id = survey_response.interaction_id
WHERE survey_response.exclusion IS NULL AND whole.exclusion IS NULL;

CREATE TEMP VIEW r AS
SELECT qa_review.* FROM qa_review LEFT JOIN interaction AS whole ON whole.id = qa_review.interaction_id
WHERE qa_review.exclusion IS NULL AND whole.exclusion IS NULL;

CREATE TEMP VIEW o AS  -- amounts of another currency are unknown
SELECT id, customer_id, agent_id, ordered_at, paid_at,
       CASE WHEN currency = 'USD' THEN amount / 100.0 END AS amount,
       CASE WHEN currency = 'USD' THEN refunded / 100.0 END AS refunded,
       CASE WHEN currency = 'USD' THEN margin / 100.0 END AS margin
FROM "order" WHERE exclusion IS NULL;

CREATE TEMP VIEW t AS
SELECT interaction_turn.*, whole.customer_id
FROM interaction_turn LEFT JOIN interaction AS whole ON whole.id = interaction_turn.interaction_id
WHERE whole.exclusion IS NULL;

CREATE TEMP VIEW c AS  -- an interaction without events is one cycle
SELECT position, opened_at, solved_at, duration
FROM interaction_cycle LEFT JOIN interaction AS whole ON whole.id = interaction_id
WHERE whole.exclusion IS NULL
UNION ALL
SELECT 1, started_at, resolved_at, nullif(greatest(extract(epoch FROM resolved_at - started_at) * 1000, -1), -1)
FROM interaction
WHERE exclusion IS NULL AND started_at IS NOT NULL AND resolved_at IS NOT NULL
  AND id NOT IN (SELECT interaction_id FROM interaction_cycle);

CREATE TEMP VIEW l AS
SELECT sla_instance.* FROM sla_instance LEFT JOIN interaction AS whole ON whole.id = interaction_id
WHERE sla_instance.exclusion IS NULL AND whole.exclusion IS NULL;

CREATE TEMP VIEW v AS
SELECT article_view.*, coalesce(article_view.customer_id, whole.customer_id) AS reader
FROM article_view LEFT JOIN interaction AS whole ON whole.id = interaction_id
WHERE whole.exclusion IS NULL;

CREATE FUNCTION pg_temp.open_seconds(begun timestamptz, ended timestamptz) RETURNS numeric LANGUAGE sql AS $$
  -- Monday to Friday, 9:00 to 14:30 and 15:00 to 17:00 UTC
  SELECT coalesce(sum(extract(epoch FROM least(ended, day + till) - greatest(begun, day + since))), 0)
  FROM generate_series(date_trunc('day', begun), ended, interval '1 day') AS day,
       (VALUES (interval '9:00', interval '14:30'), (interval '15:00', interval '17:00')) AS span (since, till)
  WHERE extract(isodow FROM day) <= 5 AND least(ended, day + till) > greatest(begun, day + since)
$$;

-- name: contacts_offered
SELECT count(*) FROM i WHERE (channel <> 'bot' OR queued_at IS NOT NULL OR answered) AND at_queued >= $1 AND at_queued < $2

-- name: contacts_handled
SELECT count(*) FROM i WHERE answered AND at_accepted >= $1 AND at_accepted < $2

-- name: contacting_customers
SELECT count(DISTINCT customer_id) FROM i
WHERE (channel <> 'bot' OR queued_at IS NOT NULL OR answered) AND at_queued >= $1 AND at_queued < $2

-- name: valid_session_rate
SELECT avg((customer_messages >= 1 AND agent_messages >= 1)::int) FROM i
WHERE answered AND at_accepted >= $1 AND at_accepted < $2

-- name: first_response_time
SELECT avg(first_response_time) / 1000 FROM i WHERE started_at >= $1 AND started_at < $2

-- name: first_response_time_median
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY first_response_time) / 1000.0 FROM i WHERE started_at >= $1 AND started_at < $2

-- name: first_response_time_p90
SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY first_response_time) / 1000.0 FROM i WHERE started_at >= $1 AND started_at < $2

-- name: first_response_time_business
SELECT avg(pg_temp.open_seconds(started_at, first_response_at)) FROM i
WHERE first_response_at IS NOT NULL AND started_at >= $1 AND started_at < $2

-- name: first_response_over_30s_rate
SELECT count(*) FILTER (WHERE first_response_time > 30000 OR first_response_time IS NULL)::numeric / nullif(count(*), 0)
FROM i
WHERE started_at >= $1 AND started_at < $2
  AND (first_response_time IS NOT NULL OR first_response_at IS NULL AND $3 - started_at > interval '30 s')

-- name: unanswered_contacts
SELECT count(*) FROM i
WHERE channel <> 'bot' AND first_response_at IS NULL AND first_response_time IS NULL AND NOT answered
  AND started_at >= $1 AND started_at < $2

-- name: average_response_time
SELECT avg(wait) / 1000 FROM t WHERE replied_at >= $1 AND replied_at < $2

-- name: next_response_time
SELECT avg(wait) / 1000 FROM t
WHERE position > 1 AND replied_at >= $1 AND replied_at < $2

-- name: average_speed_of_answer
SELECT avg(wait_time) / 1000 FROM i WHERE answered AND at_queued >= $1 AND at_queued < $2

-- name: longest_wait_time
SELECT max(wait_time) / 1000.0 FROM i WHERE at_queued >= $1 AND at_queued < $2

-- name: abandoned_wait_time
SELECT avg(wait_time) / 1000 FROM i WHERE abandoned AND at_queued >= $1 AND at_queued < $2

-- name: abandonment_rate
SELECT avg(abandoned::int) FROM i
WHERE (channel <> 'bot' OR queued_at IS NOT NULL OR answered) AND at_queued >= $1 AND at_queued < $2
  AND (channel <> 'call' OR NOT abandoned OR wait_time IS NULL OR wait_time >= 5000)

-- name: service_level
SELECT avg((answered AND wait_time <= 20000)::int) FROM i
WHERE (channel <> 'bot' OR queued_at IS NOT NULL OR answered) AND at_queued >= $1 AND at_queued < $2
  AND (channel <> 'call' OR NOT abandoned OR wait_time IS NULL OR wait_time >= 5000)

-- name: reply_rate
SELECT count(DISTINCT (customer_id, started_at::date)) FILTER (WHERE customer_id IS NOT NULL AND replied_at IS NOT NULL)::numeric
     / nullif(count(DISTINCT (customer_id, started_at::date)) FILTER (WHERE customer_id IS NOT NULL), 0)
FROM t WHERE started_at >= $1 AND started_at < $2

-- name: reply_in_30s_rate
SELECT avg((replied_at IS NOT NULL AND wait <= 30000)::int) FROM t
WHERE started_at >= $1 AND started_at < $2 AND (replied_at IS NOT NULL OR $3 - started_at > interval '30 s')

-- name: reply_in_3m_rate
SELECT avg((replied_at IS NOT NULL AND wait <= 180000)::int) FROM t
WHERE started_at >= $1 AND started_at < $2 AND (replied_at IS NOT NULL OR $3 - started_at > interval '3 min')

-- name: aht
SELECT avg(handle_time) / 1000 FROM i WHERE at_closed >= $1 AND at_closed < $2

-- name: resolution_time
SELECT avg(resolution_time) / 1000 FROM i WHERE resolved AND at_resolved >= $1 AND at_resolved < $2

-- name: resolution_time_median
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY resolution_time) / 1000.0 FROM i
WHERE resolved AND at_resolved >= $1 AND at_resolved < $2

-- name: resolution_time_business
SELECT avg(pg_temp.open_seconds(started_at, i.resolved_at)) FROM i
WHERE resolved AND i.resolved_at IS NOT NULL AND at_resolved >= $1 AND at_resolved < $2

-- name: first_resolution_time
SELECT avg(duration) / 1000 FROM c
WHERE position = 1 AND solved_at >= $1 AND solved_at < $2

-- name: resolution_rate
SELECT avg(resolved::int) FROM i WHERE at_closed >= $1 AND at_closed < $2

-- name: final_resolution_rate
SELECT avg((resolved AND coalesce(reopens, 0) = 0 AND NOT again)::int) FROM (
  SELECT i.*, CASE WHEN i.customer_id IS NOT NULL THEN EXISTS (
    SELECT FROM i AS later WHERE later.customer_id = i.customer_id
      AND (later.started_at, later.id) > (i.started_at, i.id) AND later.started_at <= i.started_at + interval '7 days') END AS again
  FROM i WHERE started_at >= $1 AND started_at < $2 AND started_at + interval '7 days' <= $3) AS matured

-- name: fcr
SELECT avg(resolved_on_first_contact::int) FROM i WHERE started_at >= $1 AND started_at < $2

-- name: one_touch_resolution_rate
SELECT avg((agent_messages = 1)::int) FROM i WHERE resolved AND at_resolved >= $1 AND at_resolved < $2

-- name: customer_confirmed_resolution_rate
SELECT avg(solved::int) FROM s WHERE at_responded >= $1 AND at_responded < $2

-- name: no_repeat_contact_rate
SELECT avg((NOT EXISTS (
    SELECT FROM i AS later WHERE later.customer_id = i.customer_id
      AND (later.started_at, later.id) > (i.started_at, i.id) AND later.started_at <= i.started_at + interval '7 days'))::int)
FROM i WHERE customer_id IS NOT NULL AND started_at >= $1 AND started_at < $2

-- name: no_repeat_issue_rate
SELECT avg((NOT EXISTS (
    SELECT FROM i AS later WHERE later.customer_id = i.customer_id AND later.issue_type_id = i.issue_type_id
      AND (later.started_at, later.id) > (i.started_at, i.id) AND later.started_at <= i.started_at + interval '7 days'))::int)
FROM i WHERE customer_id IS NOT NULL AND started_at >= $1 AND started_at < $2 AND started_at + interval '7 days' <= $3

-- name: repeat_contact_rate
SELECT avg(EXISTS (
    SELECT FROM i AS earlier WHERE earlier.customer_id = i.customer_id
      AND (earlier.started_at, earlier.id) < (i.started_at, i.id) AND earlier.started_at >= i.started_at - interval '7 days')::int)
FROM i WHERE customer_id IS NOT NULL AND started_at >= $1 AND started_at < $2

-- name: repeat_issue_rate
SELECT avg(EXISTS (
    SELECT FROM i AS earlier WHERE earlier.customer_id = i.customer_id AND earlier.issue_type_id = i.issue_type_id
      AND (earlier.started_at, earlier.id) < (i.started_at, i.id) AND earlier.started_at >= i.started_at - interval '7 days')::int)
FROM i WHERE customer_id IS NOT NULL AND started_at >= $1 AND started_at < $2

-- name: sla_attainment
SELECT avg((achieved_at IS NOT NULL AND achieved_at <= due_at)::int) FROM l
WHERE due_at >= $1 AND due_at < $2 AND (achieved_at IS NOT NULL OR due_at < $3)

-- name: reopen_rate
SELECT count(*) FILTER (WHERE reopens >= 1)::numeric / nullif(count(*) FILTER (WHERE reopens IS NOT NULL), 0) FROM i
WHERE (resolved OR reopens >= 1) AND at_resolved >= $1 AND at_resolved < $2

-- name: reopens_per_resolved
SELECT coalesce(sum(reopens), 0)::numeric / nullif(count(*), 0) FROM i
WHERE (resolved OR reopens >= 1) AND at_resolved >= $1 AND at_resolved < $2

-- name: escalation_rate
SELECT avg(escalated::int) FROM i WHERE answered AND at_accepted >= $1 AND at_accepted < $2

-- name: transfer_rate
SELECT avg((transfers >= 1)::int) FROM i WHERE answered AND at_accepted >= $1 AND at_accepted < $2

-- name: csat
SELECT avg((points >= 4)::int) FROM s WHERE kind = 'csat' AND at_responded >= $1 AND at_responded < $2

-- name: csat_mean
SELECT avg(points) FROM s WHERE kind = 'csat' AND at_responded >= $1 AND at_responded < $2

-- name: very_satisfied_rate
SELECT avg((points >= 5)::int) FROM s WHERE kind = 'csat' AND at_responded >= $1 AND at_responded < $2

-- name: low_score_rate
SELECT avg((points <= 2)::int) FROM s WHERE kind = 'csat' AND at_responded >= $1 AND at_responded < $2

-- name: low_score_cause_rate
SELECT avg((cause IS NOT NULL)::int) FROM s
WHERE kind = 'csat' AND points <= 2 AND at_responded >= $1 AND at_responded < $2

-- name: low_score_callback_rate
SELECT avg((called_back_at IS NOT NULL)::int) FROM s
WHERE kind = 'csat' AND points <= 2 AND at_responded >= $1 AND at_responded < $2

-- name: csat_response_rate
SELECT avg((points IS NOT NULL)::int) FROM s WHERE kind = 'csat' AND at_invited >= $1 AND at_invited < $2

-- name: csat_coverage
SELECT avg(EXISTS (
    SELECT FROM survey_response AS own WHERE own.interaction_id = i.id AND own.exclusion IS NULL
      AND own.kind = 'csat' AND own.responded_at IS NOT NULL)::int)
FROM i WHERE answered AND at_closed >= $1 AND at_closed < $2

-- name: nps
SELECT 100.0 * (count(*) FILTER (WHERE points >= 9) - count(*) FILTER (WHERE points <= 6)) / nullif(count(points), 0)
FROM s WHERE kind = 'nps' AND at_responded >= $1 AND at_responded < $2

-- name: ces
SELECT avg(points) FROM s WHERE kind = 'ces' AND at_responded >= $1 AND at_responded < $2

-- name: ces_easy_rate
SELECT avg((points >= 5)::int) FROM s WHERE kind = 'ces' AND at_responded >= $1 AND at_responded < $2

-- name: negative_sentiment_rate
SELECT avg((sentiment < -250)::int) FROM i WHERE at_closed >= $1 AND at_closed < $2

-- name: qa_score
SELECT avg(score) / 1000 FROM r WHERE reviewed_at >= $1 AND reviewed_at < $2

-- name: qa_pass_rate
SELECT avg(passed::int) FROM r WHERE reviewed_at >= $1 AND reviewed_at < $2

-- name: qa_coverage
SELECT avg(EXISTS (SELECT FROM qa_review AS own WHERE own.interaction_id = i.id AND own.exclusion IS NULL)::int)
FROM i WHERE answered AND at_closed >= $1 AND at_closed < $2

-- name: qa_calibration
WITH pair AS (
  SELECT r.score AS x, (
    SELECT other.score FROM r AS other
    WHERE other.interaction_id = r.interaction_id AND other.reviewer <> r.reviewer
      AND (other.reviewed_at, other.id) > (r.reviewed_at, r.id) AND other.score IS NOT NULL
    ORDER BY other.reviewed_at, other.id LIMIT 1) AS y
  FROM r WHERE reviewed_at >= $1 AND reviewed_at < $2),
both_given AS (SELECT x::numeric, y::numeric FROM pair WHERE x IS NOT NULL AND y IS NOT NULL)
SELECT 1 - (SELECT avg((x - y) ^ 2) FROM both_given)
         / nullif((SELECT avg((one.x - two.y) ^ 2) FROM both_given AS one CROSS JOIN both_given AS two), 0)

-- name: occupancy
SELECT sum(duration) FILTER (WHERE state = 'busy') / nullif(sum(duration) FILTER (WHERE state IN ('busy', 'available')), 0)
FROM agent_activity WHERE started_at >= $1 AND started_at < $2

-- name: utilisation
SELECT sum(duration) FILTER (WHERE state = 'busy') / nullif(sum(duration) FILTER (WHERE state = 'scheduled'), 0)
FROM agent_activity WHERE started_at >= $1 AND started_at < $2

-- name: availability
SELECT sum(duration) FILTER (WHERE state = 'available') / nullif(sum(duration) FILTER (WHERE state = 'scheduled'), 0)
FROM agent_activity WHERE started_at >= $1 AND started_at < $2

-- name: suspended_rate
SELECT sum(duration) FILTER (WHERE state = 'away') / nullif(sum(duration) FILTER (WHERE state = 'scheduled'), 0)
FROM agent_activity WHERE started_at >= $1 AND started_at < $2

-- name: concurrency
WITH span AS (
  SELECT agent_id, accepted_at AS begun, closed_at AS ended FROM i
  WHERE agent_id IS NOT NULL AND accepted_at <= closed_at AND at_closed >= $1 AND at_closed < $2),
edge AS (
  SELECT agent_id, begun AS moment, 1 AS step FROM span UNION ALL SELECT agent_id, ended, -1 FROM span),
level AS (
  SELECT moment, sum(step) OVER (PARTITION BY agent_id ORDER BY moment RANGE UNBOUNDED PRECEDING) AS going_on,
         lead(moment) OVER (PARTITION BY agent_id ORDER BY moment) AS next_moment
  FROM (SELECT agent_id, moment, sum(step) AS step FROM edge GROUP BY agent_id, moment) AS steps)
SELECT (SELECT sum(extract(epoch FROM ended - begun)) FROM span)
     / nullif((SELECT sum(extract(epoch FROM next_moment - moment)) FROM level WHERE going_on > 0), 0)

-- name: silence_ratio
SELECT sum(silence_time) / nullif(sum(silence_time + talk_time), 0) FROM i
WHERE talk_time IS NOT NULL AND at_closed >= $1 AND at_closed < $2

-- name: hold_ratio
SELECT sum(hold_time) / nullif(sum(hold_time + talk_time), 0) FROM i
WHERE talk_time IS NOT NULL AND at_closed >= $1 AND at_closed < $2

-- name: answer_question_ratio
SELECT sum(agent_messages)::numeric / nullif(sum(customer_messages), 0) FROM i WHERE at_closed >= $1 AND at_closed < $2

-- name: bot_containment_rate
SELECT avg((queued_at IS NULL AND accepted_at IS NULL)::int) FROM i
WHERE bot_messages >= 1 AND started_at >= $1 AND started_at < $2

-- name: bot_to_human_rate
SELECT avg((queued_at IS NOT NULL OR accepted_at IS NOT NULL)::int) FROM i
WHERE bot_messages >= 1 AND started_at >= $1 AND started_at < $2

-- name: self_service_deflection_rate
SELECT avg((i.accepted_at IS NULL AND NOT EXISTS (
    SELECT FROM i AS later WHERE later.customer_id = i.customer_id AND later.id <> i.id
      AND (later.accepted_at, later.id) > (i.started_at, i.id) AND later.accepted_at <= i.started_at + interval '1 day'))::int)
FROM i WHERE channel = 'bot' AND started_at >= $1 AND started_at < $2 AND started_at + interval '1 day' <= $3
  AND (i.customer_id IS NOT NULL OR i.accepted_at IS NOT NULL)

-- name: kb_usage_rate
SELECT avg(EXISTS (SELECT FROM article_view AS own WHERE own.interaction_id = i.id)::int)
FROM i WHERE resolved AND at_resolved >= $1 AND at_resolved < $2

-- name: article_resolve_rate
SELECT avg((NOT EXISTS (
    SELECT FROM i AS later WHERE later.customer_id = v.reader
      AND later.started_at >= v.viewed_at AND later.started_at <= v.viewed_at + interval '1 day'))::int)
FROM v WHERE reader IS NOT NULL AND viewed_at >= $1 AND viewed_at < $2 AND viewed_at + interval '1 day' <= $3

-- name: backlog
SELECT count(*) FROM i
WHERE started_at <= least($2, $3) AND coalesce(resolved_at, closed_at, 'infinity') > least($2, $3)
  AND NOT (resolved_at IS NULL AND closed_at IS NULL AND (coalesce(resolved, false) OR coalesce(abandoned, false)))

-- name: backlog_age
SELECT extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY least($2, $3) - started_at)) FROM i
WHERE started_at <= least($2, $3) AND coalesce(resolved_at, closed_at, 'infinity') > least($2, $3)
  AND NOT (resolved_at IS NULL AND closed_at IS NULL AND (coalesce(resolved, false) OR coalesce(abandoned, false)))

-- name: clearance_rate
SELECT (SELECT count(*) FROM i WHERE resolved AND at_resolved >= $1 AND at_resolved < $2)::numeric
     / nullif((SELECT count(*) FROM i WHERE started_at >= $1 AND started_at < $2), 0)

-- name: net_flow
SELECT (SELECT count(*) FROM i WHERE started_at >= $1 AND started_at < $2)
     - (SELECT count(*) FROM i WHERE resolved AND at_resolved >= $1 AND at_resolved < $2)

-- name: contact_rate
SELECT (SELECT count(*) FROM i WHERE started_at >= $1 AND started_at < $2)::numeric
     / nullif((SELECT count(*) FROM o WHERE ordered_at >= $1 AND ordered_at < $2), 0)

-- name: contacts_per_1000_customers
SELECT 1000.0 * (SELECT count(*) FROM i WHERE started_at >= $1 AND started_at < $2)
     / nullif((SELECT count(*) FROM customer WHERE joined_at <= least($2, $3) AND coalesce(lost_at, 'infinity') > least($2, $3)), 0)

-- name: issue_share
SELECT count(issue_type_id)::numeric / nullif(count(issue_type_id), 0) FROM i WHERE started_at >= $1 AND started_at < $2

-- name: untyped_rate
SELECT avg((issue_type_id IS NULL)::int) FROM i WHERE started_at >= $1 AND started_at < $2

-- name: slowness_lift
SELECT CASE WHEN count(*) FILTER (WHERE comment ILIKE '%slow%' OR comment LIKE '%慢%') > 0 THEN 1 END FROM s
WHERE at_responded >= $1 AND at_responded < $2 AND comment IS NOT NULL

-- name: vip_csat_gap
SELECT avg((points >= 4)::int) FILTER (WHERE segment = 'vip') - avg((points >= 4)::int) FILTER (WHERE segment IS DISTINCT FROM 'vip')
FROM s WHERE kind = 'csat' AND at_responded >= $1 AND at_responded < $2

-- name: conversion_rate
SELECT avg(converted::int) FROM i WHERE started_at >= $1 AND started_at < $2

-- name: enquiry_conversion_rate
SELECT count(DISTINCT (customer_id, started_at::date)) FILTER (WHERE EXISTS (
           SELECT FROM o WHERE o.customer_id = i.customer_id AND paid_at >= i.started_at AND paid_at <= i.started_at + interval '4 days'))::numeric
     / nullif(count(DISTINCT (customer_id, started_at::date)), 0)
FROM i WHERE customer_id IS NOT NULL AND started_at >= $1 AND started_at < $2

-- name: retention_save_rate
SELECT avg((NOT EXISTS (
    SELECT FROM customer WHERE customer.id = i.customer_id
      AND lost_at >= i.started_at AND lost_at <= i.started_at + interval '30 days'))::int)
FROM i WHERE at_risk AND customer_id IS NOT NULL AND started_at >= $1 AND started_at < $2 AND started_at + interval '30 days' <= $3

-- name: service_sales
SELECT sum(amount) FROM o WHERE agent_id IS NOT NULL AND paid_at >= $1 AND paid_at < $2

-- name: net_service_sales
SELECT sum(amount) - coalesce(sum(refunded), 0) FROM o WHERE agent_id IS NOT NULL AND paid_at >= $1 AND paid_at < $2

-- name: average_order_value
SELECT sum(amount) / nullif(count(DISTINCT customer_id), 0) FROM o
WHERE agent_id IS NOT NULL AND paid_at >= $1 AND paid_at < $2

-- name: repurchase_rate
SELECT count(*) FILTER (WHERE orders >= 2)::numeric / nullif(count(*), 0) FROM (
  SELECT customer_id, count(*) AS orders FROM o
  WHERE customer_id IS NOT NULL AND paid_at >= $1 AND paid_at < $2 GROUP BY customer_id) AS buyers

-- name: customer_margin
SELECT sum(margin) / nullif(count(DISTINCT customer_id), 0) FROM o WHERE paid_at >= $1 AND paid_at < $2

-- name: churn_rate
SELECT (SELECT count(*) FROM customer WHERE lost_at >= $1 AND lost_at < $2)::numeric
     / nullif((SELECT count(*) FROM customer WHERE joined_at < $1 AND coalesce(lost_at, 'infinity') >= $1), 0)

-- name: at_risk_share
SELECT avg(at_risk::int) FROM customer WHERE joined_at <= least($2, $3) AND coalesce(lost_at, 'infinity') > least($2, $3)

-- name: cost_per_contact
SELECT (SELECT sum(CASE WHEN currency = 'USD' THEN cost / 100.0 END) FROM agent_activity WHERE started_at >= $1 AND started_at < $2)
     / nullif((SELECT count(*) FROM i WHERE answered AND at_accepted >= $1 AND at_accepted < $2), 0)

-- name: service_score
WITH term AS (
  SELECT (SELECT avg((points >= 4)::int) FROM s WHERE kind = 'csat' AND at_responded >= $1 AND at_responded < $2) AS csat,
         (SELECT avg(first_response_time) / 1000 FROM i WHERE started_at >= $1 AND started_at < $2) AS response,
         (SELECT avg(resolved::int) FROM i WHERE at_closed >= $1 AND at_closed < $2) AS resolution)
SELECT 40 * least(csat / 0.8, 1) + 30 * least(45 / response, 1) + 30 * least(resolution / 0.85, 1) FROM term
