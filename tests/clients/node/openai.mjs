// `openai` of npm, OpenAI's own package.
import OpenAI from "openai";
import { asked, CITY, errorOf, see } from "./asked.mjs";

const client = new OpenAI({ baseURL: `${asked.url}/v1`, apiKey: asked.key });
const { completions } = client.chat;
const messages = (content) => [{ role: "user", content }];
const get_weather = {
  name: "get_weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const tokens = (usage) => [usage.prompt_tokens, usage.completion_tokens];

await see({
  async streams() {
    const streamed = [];
    const stream = completions.stream({
      model: asked.model, messages: messages(asked.question), stream_options: { include_usage: true },
    });
    stream.on("content", (delta) => streamed.push(delta));
    return { streamed_tokens: tokens(await stream.totalUsage()), streamed };
  },
  async answers() {
    const answer = await completions.create({ model: asked.model, messages: messages(asked.question) });
    return { whole: answer.choices[0].message.content, whole_tokens: tokens(answer.usage) };
  },
  async callsTools() {
    const stream = completions.stream({
      model: asked.model, messages: messages(asked.weather), tools: [{ type: "function", function: get_weather }],
    });
    const { function: call } = (await stream.finalMessage()).tool_calls[0];
    return { tool: [call.name, call.arguments] };
  },
  async isStructured() {
    const answer = await completions.parse({
      model: asked.model,
      messages: messages(asked.question),
      response_format: { type: "json_schema", json_schema: { name: "city", strict: true, schema: CITY } },
    });
    return { structured: JSON.parse(answer.choices[0].message.content) };
  },
  async seesErrors() {
    return {
      refused: await errorOf(() => completions.create({ model: asked.unknown, messages: messages("hi") })),
      cut: await errorOf(() => completions.stream({ model: asked.cut, messages: messages(asked.question) }).done()),
    };
  },
});
