"""The playground as people use it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.servers import eventually
from tests.stack import Stack

Screenshot = Callable[[Page, str], None]


def _ask(page: Page, question: str) -> None:
    page.fill("#message", question)
    page.keyboard.press("Enter")


def _was_left(stack: Stack) -> bool:
    """Whether we closed the provider's only chat, if only a moment after the page said so."""
    return eventually(lambda: [chat["disconnected"] for chat in stack.ledger()["chats"]] == [True], bool)


def _answer(page: Page) -> str:
    return page.locator(".markdown").last.inner_text()


def test_chat_streams_with_markdown_reasoning_and_figures(
    signed_in: Page, stack: Stack, screenshot: Screenshot
) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 100})

    _ask(signed_in, "Please think, then show me code in Markdown")
    expect(signed_in.locator("#stop")).to_be_visible()
    expect(signed_in.locator("details.reasoning summary")).to_be_visible()
    expect(signed_in.locator(".markdown pre")).to_be_visible()
    expect(signed_in.locator("#send")).to_be_visible(timeout=20_000)

    expect(signed_in.locator(".reasoning-text")).to_be_hidden()
    expect(signed_in.locator(".figures")).to_contain_text("tokens/s")
    expect(signed_in.locator(".figures")).to_contain_text("First token")
    screenshot(signed_in, "playground")


def test_reload_in_mid_answer_resumes(signed_in: Page, stack: Stack) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 30})
    _ask(signed_in, "Repeat: " + " ".join(f"word{number}" for number in range(60)))
    expect(signed_in.locator(".markdown")).to_contain_text("word9")

    signed_in.reload()
    expect(signed_in.locator(".markdown")).to_contain_text("word9")
    expect(signed_in.locator("#send")).to_be_visible(timeout=20_000)

    assert _answer(signed_in) == " ".join(f"word{number}" for number in range(60))
    assert len(stack.ledger()["chats"]) == 1


def test_stop_stops(signed_in: Page, stack: Stack) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 20})
    _ask(signed_in, "Tell me a long story")
    expect(signed_in.locator(".markdown")).not_to_be_empty()

    signed_in.click("#stop")

    expect(signed_in.locator(".figures")).to_contain_text("stop_requested")
    expect(signed_in.locator("#status")).to_have_text("The answer was stopped.")
    assert _was_left(stack)


def test_stop_before_the_first_token_stops(signed_in: Page, stack: Stack) -> None:
    stack.ask_sandbox("POST", "/_faults", {"on": "chat", "kind": "slow_first_token", "delay_s": 60})
    _ask(signed_in, "Tell me a long story")
    eventually(lambda: stack.ledger()["chats"], bool)

    signed_in.click("#stop")

    expect(signed_in.locator("#status")).to_have_text("The answer was stopped.")
    expect(signed_in.locator("#message")).to_be_focused()
    assert _was_left(stack)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "status", "status": 400, "code": "InvalidParameter", "message": "temperature is off"}, "temperature"),
        ({"kind": "cut", "after_chunks": 3}, "The provider's answer broke off."),
    ],
)
def test_error_of_the_provider_is_readable(
    signed_in: Page, stack: Stack, fault: dict[str, object], message: str
) -> None:
    stack.ask_sandbox("POST", "/_faults", {"on": "chat", "times": 1, **fault})

    _ask(signed_in, "Hi")

    expect(signed_in.locator(".problem")).to_contain_text(message)
    expect(signed_in.locator("#send")).to_be_visible()


def test_hostile_markdown_does_nothing(signed_in: Page) -> None:
    hostile = (
        '<img src=x onerror="window.hacked=1"> <script>window.hacked=1</script> [click](javascript:window.hacked=1) '
        '<a href="javascript:window.hacked=1" onclick="window.hacked=1">here</a> '
        '<iframe src="https://example.com"></iframe> **bold** [fine](https://example.com/)'
    )

    _ask(signed_in, f"Repeat: {hostile}")
    expect(signed_in.locator(".markdown strong")).to_have_text("bold")
    expect(signed_in.locator("#send")).to_be_visible()
    for link in signed_in.locator(".markdown a").all():
        link.dispatch_event("click")

    inside = signed_in.locator(".markdown")
    assert inside.locator("img, script, iframe").count() == 0
    hrefs = [link.get_attribute("href") for link in inside.locator("a").all()]
    assert [href for href in hrefs if href] == ["https://example.com/"]
    assert signed_in.evaluate("window.hacked") is None


def test_pages_load_nothing_from_elsewhere(page: Page, stack: Stack) -> None:
    hosts: list[str] = []
    page.on("request", lambda request: hosts.append(request.url))

    page.goto("/")
    expect(page.locator("#key")).to_be_visible()
    page.goto("/api/docs/")
    expect(page.locator("#operations-chat-chat_stream")).to_be_visible(timeout=20_000)

    assert [url for url in hosts if not url.startswith((stack.url, "data:"))] == []


def test_api_key_signs_in_without_a_session(page: Page, stack: Stack) -> None:
    page.goto("/")
    page.fill("#key", stack.key)
    page.keyboard.press("Enter")

    expect(page.locator("#model option")).to_have_text("doubao")
    _ask(page, "Repeat: hello there")

    expect(page.locator(".markdown")).to_have_text("hello there")


def test_page_works_in_chinese_on_a_phone_in_the_dark(signed_in: Page, stack: Stack, screenshot: Screenshot) -> None:
    signed_in.set_viewport_size({"width": 390, "height": 780})
    signed_in.emulate_media(color_scheme="dark")

    with signed_in.expect_navigation():
        signed_in.select_option("#language", "zh-hans")
    _ask(signed_in, "你好，思考一下，给我一段代码")
    expect(signed_in.locator("#send")).to_be_visible(timeout=20_000)

    expect(signed_in.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(signed_in.locator("#send")).to_have_text("发送")
    expect(signed_in.locator("#status")).to_have_text("回答完毕。")
    expect(signed_in.locator("details.reasoning summary")).to_have_text("思考过程")
    assert signed_in.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    screenshot(signed_in, "playground-phone-dark-zh")


def test_keyboard_reaches_everything(signed_in: Page) -> None:
    signed_in.locator("h1").click()
    reached = set()
    for _ in range(12):
        signed_in.keyboard.press("Tab")
        reached.add(signed_in.evaluate("document.activeElement.id"))

    assert {"model", "clear", "language", "log", "message", "send"} <= reached
