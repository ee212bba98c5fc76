"""The rows that `seed` makes, as SQL: the columns of each table, over a `number` and a `moment`.

They are those of one app and look like real ones: as long, as many per user, most clicks on few ads, most users
reported or organic. Columns that are not given here are left empty.
"""

CHANNELS = ["huawei", "xiaomi", "oppo", "vivo", "tencent"]
MODELS = ["doubao", "doubao-lite", "deepseek-r1", "qwen-plus"]

# What users do: the event, days after the activation, one in how many users does it, seconds later that day.
DEEDS = [
    ("active", 0, 1, 0),
    ("active_register", 0, 2, 300),
    ("game_addiction", 0, 10, 3600),
    ("next_day_open", 1, 5, 0),
    ("active_pay", 0, 10, 600),
    ("active_pay", 1, 20, 0),
    ("active_pay", 3, 30, 0),
    ("active_pay", 7, 30, 0),
    ("active_pay", 20, 20, 0),
]
EVENTS_PER_USER = sum(1 / one_of for _event, _days, one_of, _seconds in DEEDS)
TRIES_OF_FAILED = 4

# 400 ads; the first ones have most of the clicks and users.
_AD = "floor(400 * power(mod(number * 7919, 10007) / 10007.0, 2))::bigint"
_IS_ATTRIBUTED = "mod(number, 10) < 7"
_OS = "CASE WHEN mod(number, 3) = 0 THEN 'ios' ELSE 'android' END"
_AD_COLUMNS = {
    "advertiser_id": f"1700000000000000000 + {_AD} / 20",
    "campaign_id": f"7340000000000000000 + {_AD} / 5",
    "campaign_name": f"'Project ' || {_AD} / 5",
    "ad_id": f"7350000000000000000 + {_AD}",
    "ad_name": f"'Promotion ' || {_AD}",
}
_PLATFORM_AD = f"""
    jsonb_build_object(
        'project_id', {_AD_COLUMNS["campaign_id"]}, 'project_name', {_AD_COLUMNS["campaign_name"]},
        'promotion_id', {_AD_COLUMNS["ad_id"]}, 'promotion_name', {_AD_COLUMNS["ad_name"]}
    )
"""

# One day (the `n`th) of a table, evenly spread.
DAYS_ROWS = """
    SELECT k, %(first)s::bigint + %(n)s * %(per_day)s + k AS number,
    %(start)s + k * interval '1 day' / %(per_day)s AS moment
    FROM generate_series(0, %(per_day)s - 1) AS k
"""
# The same for what users do; users of the days before return.
DEEDS_ROWS = f"""
    SELECT event, one_of, lag, k, %(first)s::bigint + (%(n)s - lag) * %(per_day)s + k AS number,
    LEAST(%(start)s + k * interval '1 day' / %(per_day)s + seconds * interval '1 second', %(end)s) AS moment
    FROM (VALUES {", ".join(str(deed) for deed in DEEDS)}) AS deeds (event, lag, one_of, seconds),
    LATERAL generate_series(0, %(per_day)s - 1, one_of) AS k
    WHERE lag <= %(n)s
    ORDER BY moment
"""  # noqa: S608  # deeds of ours

CLICKS = {
    "app_id": "%(app_id)s",
    "id": "number",
    "clicked_at": "moment",
    "received_at": "moment + interval '1 second'",
    "request_id": "md5(number::text)",
    "match_type": "'click'",
    "os": _OS,
    "oaid_digest": "sha256(number::text::bytea)",
    "ip_ua_digest": "sha256(mod(number, 100000)::text::bytea)",
    "callback_param": "repeat('c', 100)",
    "raw": "%(raw)s",
    "platform": "'oceanengine'",
    "platform_ad": _PLATFORM_AD,
    **_AD_COLUMNS,
}

USERS = {
    "app_id": "%(app_id)s",
    "id": "number",
    "user_id": "'user-' || number",
    "is_attributed": _IS_ATTRIBUTED,
    "source": f"CASE WHEN mod(number, 10) = 6 THEN 'click' WHEN {_IS_ATTRIBUTED} THEN 'platform' ELSE '' END",
    "reason": f"CASE WHEN {_IS_ATTRIBUTED} THEN '' ELSE 'no_click' END",
    "callback_param": f"CASE WHEN {_IS_ATTRIBUTED} THEN repeat('c', 100) ELSE '' END",
    "activated_at": "moment",
    "asked_at": "moment",
    "attributed_at": f"CASE WHEN {_IS_ATTRIBUTED} THEN moment END",
    "is_suspicious": "mod(number, 503) = 0",
    "platform": f"CASE WHEN {_IS_ATTRIBUTED} THEN 'oceanengine' ELSE '' END",
    "platform_ad": f"CASE WHEN {_IS_ATTRIBUTED} THEN {_PLATFORM_AD} ELSE '{{}}' END",
    **{
        column: f"CASE WHEN {_IS_ATTRIBUTED} THEN {value} END"
        for column, value in _AD_COLUMNS.items()
        if "_id" in column
    },
    **{
        column: f"CASE WHEN {_IS_ATTRIBUTED} THEN {value} ELSE '' END"
        for column, value in _AD_COLUMNS.items()
        if "_name" in column
    },
}

# As if the worker had stopped a quarter of an hour ago: everything received since is waiting.
_IS_WAITING = "moment > %(end)s - interval '15 minutes'"
_STATE = f"""
    CASE WHEN {_IS_WAITING} THEN 'pending' WHEN NOT {_IS_ATTRIBUTED} THEN 'organic'
    WHEN mod(number, 101) = 0 THEN 'rejected' WHEN mod(number, 211) = 0 THEN 'failed'
    WHEN mod(number, 997) = 0 THEN 'held' ELSE 'reported' END
"""
_REASON = f"""
    CASE WHEN {_IS_WAITING} THEN '' WHEN NOT {_IS_ATTRIBUTED} THEN 'no_click'
    WHEN mod(number, 101) = 0 THEN 'report_rejected' WHEN mod(number, 211) = 0 THEN 'budget_used_up'
    WHEN mod(number, 997) = 0 THEN 'destination_switched_off' ELSE '' END
"""
CONVERSIONS = {
    "app_id": "%(app_id)s",
    "id": "uuidv7(moment - clock_timestamp())",
    "dedup_key": "uuidv4()",
    "user_id": "'user-' || number",
    "event": "event",
    "os": _OS,
    "channel": f"(ARRAY{CHANNELS})[1 + mod(number, {len(CHANNELS)})]",
    "amount_fen": "CASE event WHEN 'active_pay' THEN 600 + mod(k, 50) * 100 END",
    "outer_event_id": "uuidv4()::text",
    "occurred_at": "moment",
    "received_at": "moment + interval '2 seconds'",
    "device": "%(device)s",
    "device_digest": "sha256(number::text::bytea)",
    "state": _STATE,
    "reason": _REASON,
    "due_at": f"CASE WHEN {_IS_WAITING} THEN moment END",
    "tries": f"CASE WHEN {_IS_ATTRIBUTED} AND NOT {_IS_WAITING} THEN 1 ELSE 0 END",
    "give_up_at": "moment + interval '3 days'",
    "finished_at": f"CASE WHEN NOT {_IS_WAITING} THEN moment + interval '5 seconds' END",
    "attribution_id": f"CASE WHEN {_IS_ATTRIBUTED} THEN number END",
    "platform": "'oceanengine'",
    "advertiser_id": f"CASE WHEN {_IS_ATTRIBUTED} THEN {_AD_COLUMNS['advertiser_id']} END",
    "body": f"CASE WHEN {_IS_ATTRIBUTED} THEN %(body)s ELSE '' END",
}

# For the conversions just made: a look-up per activation, a report per user with an ad, more where one failed.
ATTEMPTS_ROWS = f"""
    SELECT made.*, 'lookup' AS kind, 0 AS try FROM made WHERE event = 'active' AND state <> 'pending'
    UNION ALL
    SELECT made.*, 'report', try FROM made,
    LATERAL generate_series(1, CASE state WHEN 'failed' THEN {TRIES_OF_FAILED} ELSE 1 END) AS try
    WHERE state IN ('reported', 'rejected', 'failed')
"""  # noqa: S608  # likewise
ATTEMPTS = {
    "id": "uuidv7(received_at + try * interval '10 minutes' - clock_timestamp())",
    "conversion_id": "conversion_id",
    "kind": "kind",
    "outcome": """
        CASE WHEN kind = 'lookup' THEN CASE state WHEN 'organic' THEN 'not_attributed' ELSE 'attributed' END
        WHEN state = 'failed' THEN 'unavailable' WHEN state = 'rejected' THEN 'rejected' ELSE 'accepted' END
    """,
    "started_at": "received_at + try * interval '10 minutes'",
    "duration_ms": "40 + mod(try * 7919, 100)",
    "http_status": "CASE state WHEN 'failed' THEN 503 ELSE 200 END",
    "code": "CASE WHEN state = 'failed' THEN NULL WHEN state = 'rejected' AND kind = 'report' THEN 1 ELSE 0 END",
    "message": "CASE WHEN state = 'reported' THEN '成功' ELSE '' END",
    "request": "repeat('q', 300)",
    "response": "repeat('r', 150)",
}

COMPLETIONS = {
    "id": "uuidv4()",
    "caller_id": "%(caller_id)s",
    "user_id": "'user-' || mod(number * 7919, 500000)",
    "owner": "'user-' || mod(number * 7919, 500000)",
    "profile": "CASE WHEN mod(number, 3) = 0 THEN 'openai' ELSE 'app' END",
    "is_stream": "mod(number, 20) <> 0",
    "chat_model": f"(ARRAY{MODELS})[1 + mod(mod(number, 7), {len(MODELS)})]",
    "provider": "CASE WHEN mod(number, 50) = 0 THEN 'deepseek' ELSE 'ark' END",
    "upstream_model": "'doubao-1-5-pro-32k-250115'",
    "attempts": "1",
    "state": """
        CASE WHEN mod(number, 211) = 0 THEN 'failed' WHEN mod(number, 97) = 0 THEN 'stopped'
        WHEN mod(number, 53) = 0 THEN 'disconnected' WHEN mod(number, 20011) = 0 THEN 'interrupted'
        ELSE 'completed' END
    """,
    "finish_reason": "CASE WHEN mod(number, 211) = 0 THEN '' ELSE 'stop' END",
    "error_code": "CASE WHEN mod(number, 211) = 0 THEN 'upstream_truncated' ELSE '' END",
    "prompt_tokens": "50 + mod(number * 31, 3000)",
    "completion_tokens": "20 + mod(number * 37, 900)",
    "cached_tokens": "0",
    "reasoning_tokens": "0",
    "cost_cny": "(50 + mod(number * 31, 3000) + 3 * (20 + mod(number * 37, 900))) * 0.0000008",
    "chunks": "20 + mod(number * 37, 900)",
    "started_at": "moment",
    "finished_at": "moment + interval '8 seconds'",
    "first_content_ms": "200 + mod(number * 41, 900)",
    "duration_ms": "8000",
    "process_id": "'01980000-0000-7000-8000-000000000000'",
    "text": "CASE WHEN mod(number, 5) = 0 THEN repeat('文', 150) ELSE '' END",
}
