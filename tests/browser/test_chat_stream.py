"""The JavaScript client (`chat_stream.js`) on a network that breaks all the time."""

from playwright.sync_api import Page

from tests.stack import Stack

# Each response breaks after two reads of its body, as on a phone.
CHAT_WITH_CUTS = """
async ({url, key, body}) => {
    const fetchWhole = window.fetch;
    let cuts = 0;
    window.fetch = async (...request) => {
        const response = await fetchWhole(...request);
        const reader = response.body.getReader();
        let reads = 0;
        const cut = new ReadableStream({
            async pull(controller) {
                const {done, value} = await reader.read();
                if (done) return controller.close();
                controller.enqueue(value);
                reads += 1;
                if (reads < 2) return;
                cuts += 1;
                await reader.cancel();
                controller.error(new TypeError("network error"));
            },
        });
        return new Response(cut, {status: response.status});
    };
    const {startChat} = await import(`${url}/static/playground/chat_stream.js`);
    const events = [];
    await startChat({url, body, token: async () => key, onEvent: (event) => events.push(event)});
    return {cuts, events};
}
"""


def test_chat_survives_any_number_of_cuts_that_do_not_stop_it(page: Page, stack: Stack) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 40})
    words = " ".join(f"word{number}" for number in range(60))
    page.goto("/healthz")

    answer = page.evaluate(
        CHAT_WITH_CUTS,
        {"url": stack.url, "key": stack.key, "body": {"messages": [{"role": "user", "content": f"Repeat: {words}"}]}},
    )

    events = answer["events"]
    assert answer["cuts"] > 8
    assert "".join(event["text"] for event in events if event["type"] == "delta") == words
    assert [event["eventId"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "done"
    assert len(stack.ledger()["chats"]) == 1
