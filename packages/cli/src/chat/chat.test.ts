/** Talking as people do: the built command, a hub and a worker of its own, and providers that speak the true protocols. */
import { readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { freshDatabase } from "../../../../test/support/database.ts"
import { Pane } from "../../../../test/support/pane.ts"
import { fault, reply } from "../../../../test/support/providers/script.ts"
import { type StandIn, startProvider } from "../../../../test/support/providers/stand-in.ts"
import {
  dispose,
  type Home,
  makeHome,
  type Ran,
  ready,
  signalbox,
  signalboxWith,
  start,
  startHub,
  until
} from "../../../../test/support/signalbox.ts"

const root = fileURLToPath(new URL("../../../..", import.meta.url))
const program = join(root, "packages/cli/bin/signalbox.mjs")
let home: Home
let openai: StandIn
let anthropic: StandIn

beforeAll(async () => {
  openai = await startProvider("openai")
  anthropic = await startProvider("anthropic")
  home = await makeHome({
    database: await freshDatabase(),
    env: { ...openai.env, ...anthropic.env, SIGNALBOX_BRIDGE_PORT: "0" }
  })
  await ready(home, await start(home, "up", "--headless"))
})
afterAll(async () => {
  await dispose(home)
  await openai.close()
  await anthropic.close()
})

const model = "openai/gpt-5"
const chat = (...args: ReadonlyArray<string>): Promise<Ran> => signalbox(home, "chat", "--model", model, ...args)
const Replied = Schema.Struct({
  conversationId: Schema.String,
  replyId: Schema.String,
  status: Schema.String,
  text: Schema.String,
  model: Schema.String,
  usage: Schema.NullOr(Schema.Struct({ inputTokens: Schema.Int, outputTokens: Schema.Int })),
  cost: Schema.NullOr(Schema.Struct({ usd: Schema.Number })),
  failure: Schema.NullOr(Schema.Struct({ kind: Schema.String, message: Schema.String })),
  tools: Schema.Array(Schema.Struct({ callId: Schema.String, name: Schema.String, state: Schema.String }))
})
const jsonOf = (ran: Ran): typeof Replied.Type => Schema.decodeUnknownSync(Replied)(JSON.parse(ran.stdout))
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u // oxlint-disable-line no-control-regex

describe("chat once", () => {
  it("prints what the model says, goes on with the last conversation, and knows what was said", async () => {
    const first = await chat("the code word is heron")
    assert.deepStrictEqual([first.code, first.stderr], [0, ""])
    assert.match(first.stdout, /^You said: the code word is heron\n\nThat was message 1, answered by gpt-5\.\n$/u)
    const second = await signalbox(home, "chat", "-c", "what is the code word?")
    assert.deepStrictEqual([second.code, second.stdout], [0, "The code word is heron.\n"])
    // another provider, the same conversation
    const third = await signalbox(
      home,
      "chat",
      "-c",
      "--model",
      "anthropic/claude-sonnet-5-5",
      "what is the code word?"
    )
    assert.deepStrictEqual([third.code, third.stdout], [0, "The code word is heron.\n"])
  })

  it("takes piped input as an attachment, or as what is said", async () => {
    const log = "FATAL: too many connections\n".repeat(20)
    const beside = await signalboxWith(home, { input: log }, "chat", "--model", model, "Why?")
    assert.strictEqual(beside.code, 0, beside.stderr)
    const asked = openai.requests.at(-1)
    assert.match(asked?.messages.at(-1)?.text ?? "", /stdin[\s\S]*FATAL: too many connections[\s\S]*Why\?/u)
    const alone = await signalboxWith(home, { input: "just this\n" }, "chat", "--model", model)
    assert.match(alone.stdout, /^You said: just this/u)
    const nothing = await signalboxWith(home, { input: "" }, "chat", "--model", model)
    assert.strictEqual(nothing.code, 2)
    assert.match(nothing.stderr, /nothing to say/u)
    const before = openai.requests.length
    const large = await signalboxWith(home, { input: "x".repeat(700_000) }, "chat", "--model", model, "Why?")
    assert.strictEqual(large.code, 2)
    assert.match(large.stderr, /longer than 600000 characters.*head, tail, grep/u)
    const binary = await signalboxWith(home, { input: Buffer.from([0x7f, 0, 1, 2]) }, "chat", "--model", model, "Why?")
    assert.match(binary.stderr, /no text: it has NUL/u)
    assert.strictEqual(openai.requests.length, before)
  })

  it("answers one JSON document with the tokens that the provider counted", async () => {
    const before = openai.requests.length
    const said = jsonOf(await chat("--json", "say 12 words"))
    assert.strictEqual(said.status, "completed")
    assert.strictEqual(said.text.split(" ").length, 12)
    const counted = openai.requests[before]?.counted
    assert.deepStrictEqual(said.usage, { inputTokens: counted?.input ?? -1, outputTokens: counted?.output ?? -1 })
    assert.isAbove(said.cost?.usd ?? 0, 0)
  })

  it("says why it failed, on stderr, exit 1, and keeps what had come", async () => {
    openai.next(fault("quota"))
    const refused = await chat("hello")
    assert.deepStrictEqual([refused.code, refused.stdout], [1, ""])
    assert.match(refused.stderr, /^error: .{20,}/u)
    openai.next(reply("half of the answer is here and the rest", { cut: { after: 4, how: "reset" } }))
    const cut = await chat("--json", "hello")
    assert.strictEqual(cut.code, 1)
    const failed = jsonOf(cut)
    assert.strictEqual(failed.status, "failed")
    assert.match(failed.text, /^half of/u)
    assert.match(cut.stderr, /^error: /u)
    const nobody = await signalbox(home, "chat", "--model", "nobody", "hello")
    assert.strictEqual(nobody.code, 2)
  })

  it("lets no escape sequence of a model through", async () => {
    const hostile = "\u001b]0;owned\u0007a\u001b[2Jb\u009b31mc\u001b]52;c;aGk=\u0007d"
    openai.next(reply(hostile, { pieces: Array.from(hostile) }), reply(hostile))
    const shown = await chat("hello")
    assert.notMatch(shown.stdout, control)
    assert.match(shown.stdout, /^ab.*d\n$/u)
    const json = await chat("--json", "hello")
    assert.notMatch(json.stdout, control)
    assert.strictEqual(jsonOf(json).text, hostile, "nothing is lost for programs")
  })

  it("refuses flags that make no sense together", async () => {
    for (const args of [
      ["--conversation", "chat-20200101-000000-aaaaaa", "-c", "x"],
      ["-c", "--system", "x", "x"],
      ["-c", "--no-tools", "x"]
    ])
      assert.strictEqual((await chat(...args)).code, 2, args.join(" "))
    const gone = await chat("--conversation", "chat-20200101-000000-aaaaaa", "x")
    assert.strictEqual(gone.code, 1)
    assert.match(gone.stderr, /There is no conversation/u)
  })

  it("leaves a tool call waiting where nobody can decide, and goes on when it is decided", async () => {
    const call = `call start_task ${JSON.stringify({ host: "local", tool: "shell", command: "echo hi" })}`
    const asked = await chat("--json", call)
    assert.strictEqual(asked.code, 1)
    const { conversationId, tools, status } = jsonOf(asked)
    assert.strictEqual(status, "waiting", asked.stdout)
    assert.match(asked.stderr, new RegExp(`signalbox conversation approve ${conversationId}`, "u"))
    const refused = await signalbox(home, "conversation", "refuse", conversationId)
    assert.strictEqual(refused.code, 0, refused.stderr)
    await until("the reply has ended", 60_000, async () => {
      const { stdout } = await signalbox(home, "conversation", "show", conversationId, "--json")
      return stdout.includes('"status":"completed"') ? true : undefined
    })
    assert.strictEqual(tools[0]?.state, "asked")
    const off = await chat("--no-tools", "--json", "hello")
    assert.strictEqual(openai.requests.at(-1)?.tools.length, 0)
    assert.strictEqual(off.code, 0)
  })
})

describe("conversations on the command line", () => {
  it("are listed, shown, searched, renamed, put away, forked, exported and imported", async () => {
    const { conversationId } = jsonOf(await chat("--json", "the platypus lives in Köln"))
    const run = async (...args: ReadonlyArray<string>): Promise<string> => {
      const ran = await signalbox(home, "conversation", ...args)
      assert.strictEqual(ran.code, 0, `${args.join(" ")}: ${ran.stderr}`)
      return ran.stdout
    }
    assert.match(await run("list"), new RegExp(`${conversationId}\\s+idle`, "u"))
    assert.match(await run("search", "koln", "platypus"), /«platypus».*«Köln»/u)
    await run("rename", conversationId, "Animals")
    assert.match(await run("show", conversationId), /Animals[\s\S]*the platypus lives in Köln[\s\S]*tokens in/u)
    await run("archive", conversationId)
    assert.notInclude(await run("list", "--text", "Animals"), conversationId)
    assert.include(await run("list", "--text", "animals", "--all"), conversationId)
    await run("unarchive", conversationId)
    const forked = (await run("fork", conversationId, "--title", "Copy")).trim()
    assert.match(await run("show", forked), /the platypus lives/u)
    const file = join(home.path, "talk.json")
    await run("export", conversationId, "--format", "json", "--output", file)
    const imported = (await run("import", file)).trim()
    assert.match(imported, /^chat-/u)
    assert.strictEqual(
      (await run("export", imported, "--format", "jsonl")).replaceAll(imported, conversationId),
      await run("export", conversationId, "--format", "jsonl")
    )
    assert.match(await run("export", conversationId), /^# Animals\n/u)
    const again = await signalbox(home, "conversation", "regenerate", conversationId)
    assert.match(again.stdout, /platypus/u)
    await writeFile(file, "{}")
    const wrong = await signalbox(home, "conversation", "import", file)
    assert.deepStrictEqual([wrong.code, wrong.stdout], [2, ""])
  })

  it("interrupt a reply from elsewhere", async () => {
    const long = signalbox(home, "chat", "--model", model, "--json", "say 2000 words every 50")
    const found = await until("it is being written", 60_000, async () => {
      const { stdout } = await signalbox(home, "conversation", "list", "--json")
      const all = JSON.parse(stdout) as { conversations: ReadonlyArray<{ conversationId: string; status: string }> }
      return all.conversations.find((one) => one.status === "replying")?.conversationId
    })
    assert.strictEqual((await signalbox(home, "conversation", "interrupt", found.value)).code, 0)
    const ran = await long
    assert.strictEqual(ran.code, 1)
    assert.strictEqual(jsonOf(ran).status, "interrupted")
    assert.match(jsonOf(ran).text, /^word1 /u)
    await until("the provider is left alone", 60_000, async () =>
      openai.requests.some((one) => one.ended === "given-up") ? true : undefined
    )
  })
})

describe("chat once, given up", () => {
  it("interrupts the reply when the person presses Ctrl-C", async () => {
    const before = openai.requests.length
    const talking = await start(home, "chat", "--model", "gpt-5", "say 2000 words every 50")
    await until("it is being written", 60_000, async () =>
      (openai.requests[before]?.written ?? 0) > 3 ? true : undefined
    )
    process.kill(talking.pid, "SIGINT")
    assert.strictEqual(await talking.ended, 130)
    await until("the provider is left alone", 60_000, async () =>
      openai.requests[before]?.ended === "given-up" ? true : undefined
    )
    const { stdout } = await signalbox(home, "conversation", "show", "--json", await lastId())
    assert.include(stdout, '"status":"interrupted"')
  })
})

const lastId = async (): Promise<string> => {
  const { stdout } = await signalbox(home, "conversation", "list", "--limit", "1", "--json")
  return (
    (JSON.parse(stdout) as { conversations: ReadonlyArray<{ conversationId: string }> }).conversations[0]
      ?.conversationId ?? ""
  )
}

describe("chat over a hub that dies", () => {
  it("prints every character once, and ends as if nothing had been", async () => {
    const provider = await startProvider("openai")
    const apart = await makeHome({
      database: await freshDatabase(),
      env: { ...provider.env, SIGNALBOX_BRIDGE_PORT: "0" }
    })
    try {
      const hub = await startHub(apart)
      await start(apart, "worker")
      const talking = signalbox(apart, "chat", "--model", "openai/gpt-5", "say 300 words every 20")
      await until("it is being written", 60_000, async () =>
        (provider.requests[0]?.written ?? 0) > 30 ? true : undefined
      )
      await hub.kill9()
      const again = await start(apart, "hub")
      await ready(apart, again)
      const ran = await talking
      assert.deepStrictEqual([ran.code, ran.stdout.trim().split(" ").length], [0, 300], ran.stderr)
      assert.strictEqual(ran.stdout.trim(), Array.from({ length: 300 }, (_, n) => `word${n + 1}`).join(" "))
      assert.match(ran.stderr, /The hub is away.*\nThe hub is back\./u)
      assert.strictEqual(provider.requests.length, 1, "nothing was asked twice")
    } finally {
      await dispose(apart)
      await provider.close()
    }
  })
})

describe("models and reports on the command line", () => {
  it("lists numbered models, uses one by its number, and new conversations begin with it", async () => {
    const listed = await signalbox(home, "model", "list", "--json")
    const { providers } = JSON.parse(listed.stdout) as {
      providers: ReadonlyArray<{ models: ReadonlyArray<{ number: number; ref: string }> }>
    }
    const models = providers.flatMap((one) => one.models)
    const wanted = models.find((one) => one.ref.startsWith("anthropic/"))
    assert.isDefined(wanted, listed.stdout + listed.stderr)
    const used = await signalbox(home, "model", "use", String(wanted?.number))
    assert.match(used.stdout, new RegExp(`begin with ${wanted?.ref}`, "u"))
    const shown = (await signalbox(home, "model", "list")).stdout.split("\n")
    assert.match(
      shown.find((line) => line.startsWith("*")) ?? "",
      new RegExp(`^\\*\\s+${wanted?.number}\\s+${wanted?.ref}`, "u")
    )
    const said = jsonOf(await signalbox(home, "chat", "--json", "hello"))
    assert.strictEqual(said.model, wanted?.ref)
  })

  it("reports the tokens that the providers counted, to the token", async () => {
    const rows = async (): Promise<ReadonlyArray<Record<string, string | number>>> =>
      (
        JSON.parse((await signalbox(home, "report", "daily-usage", "--format", "json")).stdout) as {
          rows: ReadonlyArray<Record<string, string | number>>
        }
      ).rows
    const told = [...openai.counted(), ...anthropic.counted()]
    const usage = await rows()
    for (const [name, counted] of told) {
      const mine = usage.filter((row) => row["model"] === name)
      const sum = (column: string) => mine.reduce((all, row) => all + Number(row[column]), 0)
      assert.strictEqual(sum("input_tokens"), counted.input, name)
      assert.strictEqual(sum("output_tokens"), counted.output, name)
    }
    assert.isAbove(told.length, 1)
    const csv = await signalbox(home, "report", "daily-usage", "--format", "csv")
    assert.match(csv.stdout, /^day,provider,model,calls,failed,input_tokens/u)
    const table = await signalbox(home, "report", "conversations", "--limit", "1")
    assert.match(table.stdout, /^CONVERSATION ID/u)
    assert.include(table.stderr, "There are more; 1 row is shown.")
    assert.strictEqual((await signalbox(home, "report", "secrets")).code, 2)
  })
})

describe("chat in a terminal", () => {
  const opened = async (name: string, ...args: ReadonlyArray<string>) => {
    const pane = new Pane(name)
    await pane.start([process.execPath, program, "chat", ...args], 100, 40, { ...home.env, TERM: "xterm-256color" })
    await pane.until(/^>\s*$/mu)
    return pane
  }
  const enter = async (pane: Pane, text: string) => {
    await pane.type(text)
    await pane.keys("Enter")
  }

  it("talks, takes pasted lines as one message, knows its commands, remembers what was typed", async () => {
    const pane = await opened("chat-talk", "--model", model)
    try {
      await enter(pane, "the code word is egret")
      await pane.until(/You said: the code word is egret[\s\S]*answered by gpt-5[\s\S]* in, [\s\S]*\n>\s*$/u)
      await pane.paste("first line\nsecond line")
      await pane.keys("Enter")
      await pane.until(/You said: first line\n+second line/u)
      await enter(pane, "a \\")
      await pane.until(/\n…\s*$/u)
      await enter(pane, "b")
      await pane.until(/You said: a\s*\n+b/u)
      await enter(pane, "/help")
      await pane.until(/\/summarize {2,}\S/u)
      await enter(pane, "/nonsense")
      await pane.until(/There is no \/nonsense/u)
      await enter(pane, "/title Birds")
      await enter(pane, "/model anthropic/claude-sonnet-5-5")
      await pane.until(/The model is now anthropic\/claude-sonnet-5-5/u)
      await enter(pane, "what is the code word?")
      await pane.until(/The code word is egret\./u)
      await enter(pane, `/export ${join(home.path, "birds.md")}`)
      await pane.until(/birds\.md is written/u)
      assert.match(await readFile(join(home.path, "birds.md"), "utf8"), /^# Birds\n/u)
      await enter(pane, "/exit")
      assert.strictEqual(await pane.ended(), 0)
      const history = join(home.env["SIGNALBOX_HOME"] ?? "", "chat-history")
      assert.match(await readFile(history, "utf8"), /the code word is egret/u)
      assert.strictEqual((await stat(history)).mode & 0o777, 0o600)
    } finally {
      await pane.stop()
    }
    const again = await opened("chat-again", "-c")
    try {
      await again.until(/Birds \(\d+ messages/u)
      await again.keys("Up", "Up", "Up")
      await again.until(/> what is the code word\?/u)
      await again.keys("Enter")
      await again.until(/The code word is egret\./u)
      await again.keys("C-d")
      assert.strictEqual(await again.ended(), 0)
    } finally {
      await again.stop()
    }
  })

  it("interrupts a reply with Ctrl-C, leaves with two at the prompt, and asks before a tool is called", async () => {
    const pane = await opened("chat-stop", "--model", model)
    try {
      await enter(pane, "say 2000 words every 50")
      await pane.until(/word3 /u)
      await pane.keys("C-c")
      await pane.until(/The reply was interrupted\.[\s\S]*\n>\s*$/u)
      await enter(pane, `call start_task ${JSON.stringify({ host: "local", tool: "shell", command: "echo hi" })}`)
      await pane.until(/asks to call start_task with[\s\S]*"command": "echo hi"[\s\S]*Allow it\? \[y\/N\]\s*$/u)
      await enter(pane, "n")
      await pane.until(/was refused[\s\S]*\n>\s*$/u)
      await pane.keys("C-c")
      await pane.until(/Ctrl-C again/u)
      await pane.keys("C-c")
      assert.strictEqual(await pane.ended(), 0)
    } finally {
      await pane.stop()
    }
  })
})
