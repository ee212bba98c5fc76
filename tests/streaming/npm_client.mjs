// The unmodified `openai` package of npm: prints one JSON object with what it read.
// node npm_client.mjs BASE_URL KEY MODEL
import OpenAI from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "hello" }];
const read = { texts: [], reasoning: "", usage: null, finishReason: null, error: null };
try {
  const stream = await client.chat.completions.create({
    model, messages, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    const choice = chunk.choices[0];
    if (choice?.delta.content) read.texts.push(choice.delta.content);
    if (choice?.delta.reasoning_content) read.reasoning += choice.delta.reasoning_content;
    if (choice?.finish_reason) read.finishReason = choice.finish_reason;
    if (chunk.usage) read.usage = chunk.usage;
  }
} catch (error) {
  read.error = { status: error.status ?? null, code: error.code ?? null, name: error.constructor.name };
}
console.log(JSON.stringify(read));
