// Vercel's AI SDK. The second argument: `openai-compatible`, or `openai` for `createOpenAI().chat(…)`.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { asked, errorOf, see } from "./asked.mjs";

const place = { baseURL: `${asked.url}/v1`, apiKey: asked.key };
const openai = createOpenAI(place);
const compatible = createOpenAICompatible({
  ...place, name: "rivermouth", includeUsage: true, supportsStructuredOutputs: true,
});
const chat = (name) => (process.argv[3] === "openai" ? openai.chat(name) : compatible(name));
const tokens = (usage) => [usage.inputTokens, usage.outputTokens];

async function streamed(model, prompt) {
  let failed = null;
  const result = streamText({ model: chat(model), prompt, maxRetries: 0, onError: ({ error }) => { failed = error; } });
  const texts = [];
  for await (const text of result.textStream) texts.push(text);
  if (failed) throw failed;
  return { streamed: texts, streamed_tokens: tokens(await result.totalUsage) };
}

await see({
  streams: () => streamed(asked.model, asked.question),
  async answers() {
    const { text, usage } = await generateText({ model: chat(asked.model), prompt: asked.question });
    return { whole: text, whole_tokens: tokens(usage) };
  },
  async callsTools() {
    const calls = [];
    const get_weather = tool({
      description: "The weather of a city",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => { calls.push(["get_weather", { city }]); return `Rain in ${city}`; },
    });
    await streamText({
      model: chat(asked.model), prompt: asked.weather, tools: { get_weather }, stopWhen: stepCountIs(3),
    }).consumeStream();
    return { tool: calls.length === 1 ? calls[0] : calls };
  },
  async isStructured() {
    const schema = z.object({ name: z.string(), rivers: z.number().int() });
    const result = await generateText({
      model: chat(asked.model), prompt: asked.question, output: Output.object({ schema }),
    });
    return { structured: result.output };
  },
  async seesErrors() {
    return {
      refused: await errorOf(() => generateText({ model: chat(asked.unknown), prompt: "hi", maxRetries: 0 })),
      cut: await errorOf(() => streamed(asked.cut, asked.question)),
    };
  },
});
