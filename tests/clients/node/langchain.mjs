// LangChain for JavaScript: `@langchain/openai`.
import { concat } from "@langchain/core/utils/stream";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";
import { asked, errorOf, see } from "./asked.mjs";

const chat = (model) => new ChatOpenAI({ model, apiKey: asked.key, configuration: { baseURL: `${asked.url}/v1` } });
const get_weather = tool(async ({ city }) => `Rain in ${city}`, {
  name: "get_weather", description: "The weather of a city", schema: z.object({ city: z.string() }),
});
const tokens = ({ usage_metadata }) => [usage_metadata.input_tokens, usage_metadata.output_tokens];

async function streamed(stream) {
  const chunks = [];
  for await (const chunk of await stream) chunks.push(chunk);
  return chunks;
}

await see({
  async streams() {
    const chunks = await streamed(chat(asked.model).stream(asked.question));
    const texts = chunks.map((chunk) => chunk.content).filter(Boolean);
    return { streamed: texts, streamed_tokens: tokens(chunks.reduce((sum, chunk) => concat(sum, chunk))) };
  },
  async answers() {
    const answer = await chat(asked.model).invoke(asked.question);
    return { whole: answer.content, whole_tokens: tokens(answer) };
  },
  async callsTools() {
    const chunks = await streamed(chat(asked.model).bindTools([get_weather]).stream(asked.weather));
    const [call] = chunks.reduce((sum, chunk) => concat(sum, chunk)).tool_calls;
    return { tool: [call.name, call.args] };
  },
  async isStructured() {
    const city = z.object({ name: z.string(), rivers: z.number().int() });
    const structured = chat(asked.model).withStructuredOutput(city, { method: "jsonSchema", name: "city" });
    return { structured: await structured.invoke(asked.question) };
  },
  async seesErrors() {
    return {
      refused: await errorOf(() => chat(asked.unknown).invoke("hi")),
      cut: await errorOf(() => streamed(chat(asked.cut).stream(asked.question))),
    };
  },
});
