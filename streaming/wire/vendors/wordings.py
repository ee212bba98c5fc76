"""What errors without a telling code say, in English and Chinese: about money, keys, load, rates, context and content.

A vendor's own code always counts more than its text. The order matters: "Model overloaded, rate limit reached" is an
overload, "余额不足，请稍后重试" is about money. A pattern must not fit what a parameter's refusal would say.

Sources: the vendors' error pages (see their tables) and what vLLM, SGLang, TGI, llama.cpp, Ollama, one-api and new-api
send (read 2026-12-01).
"""

from streaming.wire.vendors.meanings import (
    NO_SUCH_MODEL,
    OUR_KEY,
    OUR_MONEY,
    OVERLOADED,
    SENSITIVE,
    TOO_LONG,
    TOO_MANY,
    Meaning,
)

_OVERLOAD = (
    r"\boverload(ed|ing)?\b",
    r"\b(server|service|system|model|engine|upstream)s?\b.{0,20}\b(busy|at capacity|under (high|heavy) load)\b",
    r"\b(no|insufficient|not enough|out of) (available )?(capacity|channel|gpu|compute)",
    r"\b(high|heavy) (demand|load)\b",
    r"(服务|服务器|系统|模型|引擎|平台|上游|当前)[^，。,;]{0,12}(繁忙|过载|拥挤|忙碌|饱和)",
    r"负载[^，。,;]{0,6}(高|饱和|过大)|算力不足|系统资源不足|排队人数",
)
_PAUSE = (r"\b(retry|try again) (in|after) (about )?[\d.]+ ?(m?s|sec|min)",)
_MONEY = (
    r"\binsufficient[\s_-]*(account|user|api|token|wallet)?[\s_-]*(balance|quota|credits?|funds?)\b",
    r"\b(balance|credits?|quota|tokens? plan|resource pack(age)?s?)\b[^.]{0,40}"
    r"\b(insufficient|exhausted|depleted|used up|not enough|too low|ran out|run out|negative)\b",
    r"\b(not enough|out of|no remaining|lack of|requires? more) (account )?(balance|credits?|funds)\b",
    r"\bexceeded your (current|monthly|daily|allocated|total) quota\b",
    r"\b(arrears?|arrearage|overdue|payment required|unpaid|top[ -]?up|recharge)\b",
    r"\b(billing|spend(ing)?) (hard |soft |account )?limit\b|\bcheck your plan and billing\b|\busage limit\b",
    r"\baccount\b[^.]{0,30}\b(suspended|deactivated|disabled|locked|frozen|blocked|banned|terminated)\b",
    r"\baccount\b[^.]{0,30}\b(inactive|not active)\b",
    r"\bfree (tier|quota|trial|allocated quota|credits?)\b[^.]{0,40}\b(exhausted|used up|ended|expired|over)\b",
    r"\b(subscription|plan|package)\b[^.]{0,20}\bexpired\b",
    r"欠费|充值|续费|停服",
    r"余额[^，。,;]{0,8}(不足|不够|为零|为0|为负|用尽|耗尽)",
    r"(额度|配额|资源包|套餐|流量包|用量|试用)[^，。,;]{0,10}(不足|不够|用尽|用完|用光|耗尽|到期|过期|已达上限)",
    r"(账号|账户|帐号|帐户)[^，。,;]{0,10}(停用|封禁|冻结|锁定|异常|禁用|注销|未激活|违规|受限)",
    r"(服务|模型|功能)?[^，。,;]{0,4}(未开通|尚未开通)|未实名|实名认证",
)
_KEY = (
    r"\b(invalid|incorrect|wrong|expired|revoked|missing|disabled|unknown|bad)\b[^.]{0,25}\bapi[\s_-]*key",
    r"\bapi[\s_-]*key\b[^.]{0,30}\b(invalid|incorrect|wrong|expired|not valid|disabled|revoked|not found|missing)",
    r"^\W*invalid (access |auth\w* |bearer )?token\W*$|\binvalid (authentication|credentials?)\b|\bunauthori[sz]ed\b",
    r"\bauthentication (has )?fail",
    r"(密钥|令牌|api ?key|access ?token|鉴权|身份验证|身份认证)[^，。,;]{0,10}(无效|错误|失败|过期|不存在|不正确|缺失)",
    r"(无效|错误|不正确|过期)的\s*(密钥|令牌|api ?key|access ?token)",
)
_RATE = (
    r"\brate[\s_-]*limit|\btoo many (concurrent )?requests\b|\brequests? (is |are )?too (frequent|fast)",
    r"\b(rpm|tpm|rpd|tpd|qps|qpm)\b|\b(requests?|tokens?) per (second|minute|hour|day)\b",
    r"\bconcurren(cy|t)[^.]{0,30}limit",
    r"\bthrottl(ed|ing)\b",
    r"(请求|访问|调用|操作)[^，。,;]{0,8}(频繁|过快|太快|频率|频次)|限流|并发[^，。,;]{0,8}(超|过高|上限|限制)|速率限制",
)
_CONTEXT = (
    r"\bcontext[\s_-]*(length|window|size|limit)\b[^.]{0,60}\b(exceed\w*|full|larger|longer|too)",
    r"\b(maximum|max|available|model'?s?|exceed\w*|over|fit|within|beyond)\b[^.]{0,40}"
    r"\bcontext[\s_-]*(length|window|size|limit)\b",
    r"\b(prompt|input|messages?|conversation|history)( text| tokens?| length| is| are)* too (long|large|many tokens)\b",
    r"\breduce (the |your )?(length|size|number)( of)? (the |your )?(messages?|prompt|input|tokens|conversation)",
    r"\btoo many (input |prompt |total )?tokens\b(?! per )",
    r"\b(input|prompt|message|request|total)\w*[\s_-]*(message )?(tokens?|length|size|characters)\b[^.]{0,60}"
    r"\b(exceed\w*|longer than|larger than|greater than|over)\b",
    r"\bexceed\w*\b[^.]{0,30}\b(token limit|tokens? allowed|input length)\b",
    r"\bexceed\w*\b[^.]{0,30}\bmax(imum)? (message )?(tokens|length|number of tokens)\b",
    r"\blonger than the (model'?s? )?(maximum )?(model|context) length\b",
    r"\bmust be (less|shorter|smaller) than (max_seq_len|max_model_len|the context)",
    r"\brange of input length should be\b|\bthe max input characters is\b",
    r"\b(inputs?|prompt)\b.{0,30}\btokens\b.{0,30}\b(must be|must have) (<=|less)",
    r"(输入|提示词?|上下文|消息|对话|内容|文本|prompt|(?<!max_)(?<!completion_)tokens?|token ?数)[^，。;]{0,16}"
    r"(超长|过长|太长|超限|超出|超过)",
    r"(超过|超出|大于)[^，。;]{0,16}(上下文|最大长度|最大输入|长度限制|窗口|token)",
)
_CONTENT = (
    r"\bcontent[\s_-]*(management )?(policy|policies|filter\w*|moderation|safety|security|inspection)\b",
    r"\b(inappropriate|sensitive|unsafe|prohibited|illegal|harmful|violent|sexual)\b[^.]{0,25}"
    r"\b(content|information|words?|text|prompt)\b",
    r"\b(content|input|output|prompt|request|response|text)\b[^.]{0,40}"
    r"\b(sensitive|unsafe|inappropriate|high[ -]risk|risky)\b",
    r"\b(flagged|blocked|rejected|refused|stopped|filtered)\b[^.]{0,40}"
    r"\b(moderation|safety|policy|policies|censorship|security|content)\b",
    r"\b(content|output|outputted|prompt|input)\b[^.]{0,25}\b(is|was|been|were) (flagged|blocked|filtered|censored)\b",
    r"\bsafety (system|setting|filter|check)s?\b|\brisk control\b|\bcensor(ed|ship)\b",
    r"\bviolat\w*\b[^.]{0,40}\b(policy|policies|guidelines|terms)\b",
    r"敏感|违规|违禁|违法|不合规|不安全|涉黄|涉政|风控|安全(审核|审查|策略|检测)|内容(审核|审查|风险)",
)
_MODEL = (
    r"\bmodel\b[^.]{0,80}\b(does not exist|doesn't exist|not exist|not found|is not available|is offline)\b",
    r"\b(unknown|unsupported|no such|invalid) model\b",
    r"模型[^，。,;]{0,30}(不存在|未找到|已下线)",
)

WORDINGS: list[tuple[str, Meaning]] = [
    ("|".join(patterns), meaning)
    for patterns, meaning in (
        (_OVERLOAD, OVERLOADED),
        (_PAUSE, TOO_MANY),
        (_MONEY, OUR_MONEY),
        (_KEY, OUR_KEY),
        (_RATE, TOO_MANY),
        (_CONTEXT, TOO_LONG),
        (_CONTENT, SENSITIVE),
        (_MODEL, NO_SUCH_MODEL),
    )
]
