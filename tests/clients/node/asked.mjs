// What every client is asked, and how it prints what it saw: `node CLIENT.mjs '{"url": …, "key": …, …}'`.
export const asked = JSON.parse(process.argv[2]);

export const CITY = {
  type: "object",
  properties: { name: { type: "string" }, rivers: { type: "integer" } },
  required: ["name", "rivers"],
  additionalProperties: false,
};

// Print what these looks saw, by the look's own names; a look that fails says how.
export async function see(looks) {
  const seen = {};
  for (const [name, look] of Object.entries(looks)) {
    try {
      Object.assign(seen, await look());
    } catch (error) {
      seen.failed = { ...seen.failed, [name]: String(error) };
    }
  }
  console.log(JSON.stringify(seen));
}

// The error with which this ends; null if the client takes all to be well.
export async function errorOf(ask) {
  try {
    await ask();
    return null;
  } catch (error) {
    return { status: error.status ?? error.statusCode ?? null, text: `${error.name}: ${error.message}` };
  }
}
