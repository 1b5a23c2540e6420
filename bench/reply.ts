/**
 * What hub, log, queue and worker add to the time until a model's first words are on a screen, against the provider's own SDK
 * called directly: the same server, the same question about the same conversation, in turns.
 */
import { randomUUID } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import OpenAI from "openai"
import { begin, happened } from "../test/conversation/support.ts"
import { reply } from "../test/support/providers/script.ts"
import { startProvider } from "../test/support/providers/stand-in.ts"
import { dispose, type Home, hubFetch, makeHome, start, startHub, until } from "../test/support/signalbox.ts"
import { type Row, freshDatabase, median, millis, quantile } from "./support.ts"

const samples = 100
const warmUp = 15
const question = "how far is it?"
const answer = "as far as that and a little further, I should say"

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const provider = await startProvider("openai")
  provider.otherwise(() => reply(answer))
  const home = await makeHome({ database: await freshDatabase(), env: provider.env })
  try {
    await startHub(home)
    const worker = await start(home, "worker")
    await until("the worker takes jobs", 30_000, async () =>
      (await worker.log()).includes("takes jobs") ? true : undefined
    )
    const direct = new OpenAI({ apiKey: provider.key ?? "", baseURL: `${provider.url}/v1`, maxRetries: 0 })
    const { conversationId } = await begin(home, "openai/gpt-4", question, { tools: false })
    await happened(home, conversationId, "ReplyCompleted")
    const screen = await listen(home, conversationId)
    const send = await sender(home, conversationId)
    const [ours, sdk]: [Array<number>, Array<number>] = [[], []]
    const said: Array<OpenAI.Responses.EasyInputMessage> = []
    for (let n = 0; n < samples + warmUp; n++) {
      said.push({ role: "assistant", content: answer }, { role: "user", content: question })
      const a = await firstOf(direct, said)
      const first = screen.firstDelta()
      const ended = screen.ended()
      const began = performance.now()
      await Promise.all([send(question), first])
      const b = (await first) - began
      await ended
      await new Promise((resolve) => setTimeout(resolve, 150)) // people take longer: nothing of the last one is still being recorded
      if (n < warmUp) continue
      sdk.push(a)
      ours.push(b)
    }
    screen.stop()
    const added = median(ours) - median(sdk)
    return [
      {
        what: "message sent by HTTP → first words on its live stream, against the OpenAI SDK called directly (one local server, conversation of growing length)",
        ours: `p50 ${millis(median(ours))}, p95 ${millis(quantile(ours, 0.95))}`,
        against: `p50 ${millis(median(sdk))}, p95 ${millis(quantile(sdk, 0.95))}`,
        ratio: null,
        target: `≤ +15 ms (here +${millis(added)})`,
        ok: added <= 15
      }
    ]
  } finally {
    await dispose(home)
    await provider.close()
  }
}

const firstOf = async (client: OpenAI, said: ReadonlyArray<OpenAI.Responses.EasyInputMessage>): Promise<number> => {
  const began = performance.now()
  const stream = await client.responses.create({
    model: "gpt-4",
    stream: true,
    store: false,
    input: [{ role: "user", content: question }, ...said]
  })
  let first: number | undefined
  for await (const event of stream) if (event.type === "response.output_text.delta") first ??= performance.now() - began
  if (first === undefined) throw new Error("the SDK heard nothing")
  return first
}

/** A client that stays has its token in memory, as the SDK has its key. */
const sender = async (home: Home, conversationId: string) => {
  const token = (await readFile(join(home.path, "home", "credentials", "admin-token"), "utf8")).trim()
  const url = `http://127.0.0.1:${home.env["SIGNALBOX_HTTP_PORT"]}/api/v1/conversations/${conversationId}/messages`
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  return async (text: string): Promise<void> => {
    const body = JSON.stringify({ text, commandId: randomUUID() })
    const response = await fetch(url, { method: "POST", headers, body })
    if (!response.ok) throw new Error(`the hub answered ${response.status}: ${await response.text()}`)
    await response.arrayBuffer()
  }
}

/** Tells when the next delta and the next outcome have come. */
const listen = async (home: Home, conversationId: string) => {
  const stop = new AbortController()
  const response = await hubFetch(home, `/api/v1/conversations/${conversationId}/live?from=1`, {
    headers: { accept: "text/event-stream" },
    signal: stop.signal
  })
  if (!response.ok || response.body === null) throw new Error(`the hub answered ${response.status}`)
  let delta = Promise.withResolvers<number>()
  let outcome = Promise.withResolvers<void>()
  const { body } = response
  const hear = async (): Promise<void> => {
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      if (text.includes("event: delta")) delta.resolve(performance.now())
      if (text.includes('"type":"ReplyCompleted"')) outcome.resolve()
    }
  }
  void hear().catch(() => {})
  // it has told what was there before: what comes from now on is heard while it comes
  await outcome.promise
  return {
    firstDelta: () => (delta = Promise.withResolvers<number>()).promise,
    ended: () => (outcome = Promise.withResolvers<void>()).promise,
    stop: () => stop.abort()
  }
}
