/** One conversation on the command line, on the screen and on the bridge, by real processes, with everything restarted in between. */
import { connect } from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { at, list, text } from "../support/providers/dialect.ts"
import type { Asked } from "../support/providers/script.ts"
import { reply } from "../support/providers/script.ts"
import { type StandIn, startProvider } from "../support/providers/stand-in.ts"
import { freePort } from "../support/free-port.ts"
import { dispose, type Home, makeHome, ready, signalbox, start, stopAll, until } from "../support/signalbox.ts"
import { inTerminal, onBridge, openNewest } from "./terminals.ts"

const model = "openai/gpt-5"

/** Embedded Postgres, hub, worker and bridge as one `up`, with a certificate. */
const world = async (run: (home: Home, provider: StandIn) => Promise<void>): Promise<void> => {
  const provider = await startProvider("openai")
  const home = await makeHome({ env: { ...provider.env, SIGNALBOX_BRIDGE_PORT: String(await freePort()) } })
  try {
    const made = await signalbox(home, "cert")
    assert.strictEqual(made.code, 0, made.stderr)
    await ready(home, await start(home, "up", "--headless"))
    await run(home, provider)
  } finally {
    await dispose(home)
    await provider.close()
  }
}
const idOf = async (home: Home): Promise<string> => {
  const { stdout } = await signalbox(home, "conversation", "list", "--json")
  return /chat-\d{8}-\d{6}-[a-z0-9]{6}/u.exec(stdout)?.[0] ?? assert.fail(stdout)
}
const saidTo = (provider: StandIn): ReadonlyArray<string> =>
  provider.requests.at(-1)?.messages.map((message) => message.text) ?? []

describe("a conversation", () => {
  it("goes on from the command line to the screen, the bridge, and past a restart of everything", async () => {
    await world(async (home, provider) => {
      const first = await signalbox(home, "chat", "--model", model, "the code word is heron")
      assert.strictEqual(first.code, 0, first.stderr)
      const id = await idOf(home)
      const said = ["the code word is heron", first.stdout.trim()]
      assert.deepStrictEqual(saidTo(provider), said.slice(0, 1))

      const tui = await openNewest(home, "everywhere-tui", /the code word is heron/u)
      try {
        await tui.type("what is the code word?")
        await tui.keys("Enter")
        await tui.until(/The code word is heron\./u)
        said.push("what is the code word?")
        assert.deepStrictEqual(saidTo(provider), said)
        said.push("The code word is heron.")

        // the screen sees what is said on the bridge
        const bridge = await onBridge(home)
        bridge.send(`IA ${id}\n`)
        await bridge.until("IA> ")
        bridge.send("the harbor is Bergen\n")
        const answer = await bridge.until(/answered by gpt-5\.\s+IA> /u)
        assert.match(answer, /You said: the harbor is Bergen/u)
        await tui.until(/You said: the harbor is Bergen/u)
        said.push("the harbor is Bergen")
        assert.deepStrictEqual(saidTo(provider), said)
        said.push("You said: the harbor is Bergen\n\nThat was message 5, answered by gpt-5.")
        await bridge.close()
      } finally {
        await tui.stop()
      }

      // everything ends, the database with it, and begins again
      await stopAll(home)
      await ready(home, await start(home, "up", "--headless"))
      const again = await signalbox(home, "chat", "-c", "what is the harbor?")
      assert.deepStrictEqual([again.code, again.stdout], [0, "The harbor is Bergen.\n"], again.stderr)
      assert.deepStrictEqual(saidTo(provider), [...said, "what is the harbor?"])
      assert.strictEqual(await idOf(home), id)
    })
  })

  it("starts a task after a yes and reads what it printed: typed, on the screen and on the bridge; after a no it does not", async () => {
    await world(async (home, provider) => {
      provider.otherwise(tasking)
      const chat = await inTerminal(home, "everywhere-yes", "chat", "--model", model)
      try {
        await chat.until(/^>\s*$/mu)
        await chat.type("please count")
        await chat.keys("Enter")
        await chat.until(/asks to call start_task[\s\S]*echo \$\(\(6\*7\)\)[\s\S]*Allow it\? \[y\/N\]\s*$/u)
        await chat.type("y")
        await chat.keys("Enter")
        await chat.until(/The task printed 42\./u)
        // over the log and back: each step's thought stands before its call, as OpenAI demands
        const asked = provider.requests.findLast(({ messages }) => messages.at(-1)?.role === "tool")
        const kinds = list(at(asked?.body, "input")).map((item) => text(at(item, "type")))
        const steps = kinds.filter((kind) => kind === "function_call").length
        assert.isAtLeast(steps, 2)
        assert.deepStrictEqual(
          kinds.filter((kind) => kind !== ""),
          Array.from({ length: steps }, () => ["reasoning", "function_call", "function_call_output"]).flat()
        )
        await chat.type("/exit")
        await chat.keys("Enter")
        await chat.ended()
      } finally {
        await chat.stop()
      }
      const tui = await openNewest(home, "everywhere-ask", /please count/u)
      try {
        await tui.type("please count once more")
        await tui.keys("Enter")
        await tui.until(/start_task[\s\S]*waits for a yes or no/u)
        await tui.keys("Escape")
        await tui.until(/y yes/u)
        await tui.keys("y")
        await tui.until(/printed 42\.[\s\S]*please count once more[\s\S]*printed 42\./u)
      } finally {
        await tui.stop()
      }
      const bridge = await onBridge(home)
      bridge.send(`CHANGE-MODEL ${model}\n`)
      await bridge.until("\n> ")
      bridge.send("IA\n")
      await bridge.until("IA> ")
      bridge.send("please count\n")
      await bridge.until("YES or NO? ")
      bridge.send("YES\n")
      await bridge.until(/The task printed 42\.\s+IA> /u)
      const { tasks } = await tasksOf(home)
      assert.lengthOf(tasks, 3)
      bridge.send("please count\n")
      await bridge.until("YES or NO? ")
      bridge.send("NO\n")
      await bridge.until(/I was not allowed to\.\s+IA> /u)
      await bridge.close()
      assert.lengthOf((await tasksOf(home)).tasks, 3)
    })
  })
})

const tasksOf = async (home: Home): Promise<{ readonly tasks: ReadonlyArray<unknown> }> => {
  const { stdout } = await signalbox(home, "task", "list", "--json")
  const parsed: unknown = JSON.parse(stdout)
  const tasks = Array.isArray(parsed) ? parsed : Reflect.get(Object(parsed), "tasks")
  return { tasks: Array.isArray(tasks) ? tasks : assert.fail(stdout) }
}

/** A model that wants a sum from a shell, and reads the task until it has ended. */
const tasking = ({ messages }: Asked) => {
  const last = messages.at(-1)
  const text = last?.text ?? ""
  if (last?.role !== "tool")
    return reply("", {
      thinking: "A shell counts best.",
      calls: [{ name: "start_task", args: { host: "local", tool: "shell", command: "echo $((6*7))" } }]
    })
  if (/refused this call/u.test(text)) return reply("I was not allowed to.")
  const taskId = /task-\d{8}-\d{6}-[a-z0-9]{6}/u.exec(text)?.[0] ?? ""
  return /"succeeded"/u.test(text)
    ? reply(`The task printed ${/\b42\b/u.exec(text)?.[0] ?? `nothing: ${text}`}.`)
    : reply("", { thinking: "It may have ended.", calls: [{ name: "read_task", args: { taskId } }], delayMs: 300 })
}

describe("clients that misbehave on the bridge", () => {
  it("disturb nobody: garbage, NUL, 10 MB in a line, a slow one and one that leaves in the middle", async () => {
    await world(async (home, provider) => {
      const used = await signalbox(home, "model", "use", model)
      assert.strictEqual(used.code, 0, used.stderr)
      const quiet = await onBridge(home)
      const talking = await onBridge(home)
      const leaving = await onBridge(home)
      for (const one of [talking, leaving]) {
        one.send("IA\n")
        await one.until("IA> ")
      }
      talking.send("say 120 words every 25\n")
      leaving.send("say 121 words every 25\n")
      await talking.until("word3 ")
      await leaving.until("word3 ")
      await leaving.close()

      const raw = () => {
        const socket = connect({ port: Number(home.env["SIGNALBOX_BRIDGE_PORT"]), rejectUnauthorized: false })
        socket.on("error", () => socket.destroy())
        socket.resume()
        return socket
      }
      const [garbage, nul, long, slow] = [raw(), raw(), raw(), raw()]
      garbage.write(Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256)))
      nul.write(`HELP\n\0\0\0\nIA\n\0hello\0\n`)
      long.write("x".repeat(10 * 1024 * 1024))
      const drip = setInterval(() => slow.write("H"), 50)

      const words = (n: number) => Array.from({ length: n }, (_, index) => `word${index + 1}`).join(" ")
      const rest = await talking.until("IA> ")
      clearInterval(drip)
      assert.strictEqual(`word1 word2 word3 ${rest.trimEnd().replace(/\s*IA>$/u, "")}`, words(120))
      quiet.send("INFO\n")
      assert.match(await quiet.until("\n> "), /TLS: TLSv1\.[23]/u)
      // who left has taken nothing with it: the reply is whole for whoever looks
      const shown = await until("the reply is whole", 60_000, async () => {
        const found = await signalbox(home, "conversation", "search", "word121")
        return found.stdout.includes("word121") ? found.stdout : undefined
      })
      assert.include(shown.value, "word121")
      const chat = await signalbox(home, "chat", "say 5 words")
      assert.strictEqual(chat.stdout.trim(), words(5))
      assert.lengthOf(
        provider.requests.filter((request) => request.ended !== "whole"),
        0
      )
      for (const socket of [garbage, nul, long, slow]) socket.destroy()
      await quiet.close()
      await talking.close()
    })
  })
})
