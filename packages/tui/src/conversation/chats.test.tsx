import { afterEach, describe, expect, it } from "vitest"
import stringWidth from "string-width"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { Screen as View } from "../Screen.tsx"
import { chatId, type FixtureLog, noon, replyId, spentCall } from "../testing/fixture.ts"
import { keys, open, type Screen } from "../testing/screen.ts"
import { fillsEverySize } from "../testing/sizes.ts"
import { sketch, type World, world } from "../testing/world.ts"
import { talkEvent } from "./talk.ts"

const opened: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})
const show = async (
  w: World,
  columns = 120,
  rows = 30,
  edit: (text: string) => Promise<string | undefined> = () => Promise.resolve(undefined)
): Promise<Screen> => {
  const screen = await open(<View session={w.session} attach={() => Promise.resolve()} edit={edit} />, columns, rows)
  opened.push(async () => {
    await screen.close()
    w.session.stop()
  })
  return screen
}
const told = async (w: World, screen: Screen): Promise<void> => {
  w.store.ticker.flush()
  await screen.settled()
}

const open3 = replyId(3000)
const call = {
  callId: "c1",
  name: "start_task",
  args: { host: "web1", command: "cd /srv\nrm -rf build/" },
  needsApproval: true
}
const asks = (log: FixtureLog): void =>
  void log.chat(
    chatId(2),
    { _tag: "ReplyStepped", replyId: replyId(2000), step: 1, text: "I will remove it.", calls: [call], ...spentCall() },
    noon - 290_000,
    "worker"
  )
const talks = (log: FixtureLog): void => {
  log.talk(chatId(1), noon - 4_000_000, [
    ["How do retries work?", "They **count** upwards:\n\n1. first\n2. second\n\n```ts\nconst a = 1\n```"],
    ["And why?", "Because."]
  ])
  log.talk(chatId(2), noon - 300_000, [["Clean up the build directory"]], { model: "anthropic/claude-sonnet-4-5" })
  log.talk(chatId(3), noon - 200_000, [["Tell me a long story"]])
  log.talk(chatId(4), noon - 100_000, [["What costs this?", "Nobody knows."]], { price: null, model: "ollama/llama3" })
}
const chats = (options: { readonly ask?: boolean; readonly pageOfTalk?: number } = {}): World =>
  world(
    (log) => {
      talks(log)
      if (options.ask === true) asks(log)
    },
    { initial: { view: "chats" }, ...(options.pageOfTalk === undefined ? {} : { pageOfTalk: options.pageOfTalk }) }
  )
/** Opens the conversation by its number. */
const read = (w: World, n: number): void => {
  const rows = w.session.model.chat.list.rows.map((view) => view.conversationId)
  w.session.press({ key: "g" })
  for (let i = 0; i < rows.indexOf(chatId(n)); i++) w.session.press({ key: "j" })
}

describe.each([
  [80, 24],
  [120, 40]
] as const)("chats on %i×%i", (columns, rows) => {
  it("list, conversation, composer: attention first, costs told, unknown prices as unknown", async () => {
    const w = chats({ ask: true })
    const screen = await show(w, columns, rows)
    await told(w, screen)
    expect(screen.lines()[0]).toContain("[2 Chats]")
    expect(screen.lines()[0]).toMatch(/\? 1 {2}● live \d+$/u)
    expect(screen.lines()[2]).toMatch(/^> \? Clean up the build/u)
    expect(screen.text()).toMatch(/4 conversations · waiting 1 · replying 1/u)
    await screen.press("j", keys.enter)
    await told(w, screen)
    expect(screen.lines()[2]).toMatch(/^What costs this\? .*○ idle$/u)
    expect(screen.lines()[3]).toContain("llama3 · 1.2k in · 300 out · price unknown · 0.4 s to first token")
    expect(screen.text()).not.toContain("$0")
    expect(screen.text()).toContain("Nobody knows.")
    expect(screen.lines().at(-1)).toMatch(/enter send.*esc read/u)
    screen.assertCalm()
  })

  it("every state is exactly as high and wide as the screen", () => {
    const w = chats({ ask: true })
    const steps = [
      "2",
      "enter",
      "escape",
      "[",
      "]",
      "m",
      "escape",
      "escape",
      "c",
      "alt-m",
      "escape",
      "escape",
      "escape",
      "A",
      "A",
      "j",
      "j",
      "enter",
      "tab",
      "tab",
      "escape",
      "escape",
      "e",
      "escape",
      "?",
      "escape"
    ]
    fillsEverySize(w, steps, { columns, rows })
    w.session.stop()
  })

  it("text streams in without a full clear, and the end is in sight", async () => {
    const w = chats()
    const screen = await show(w, columns, rows)
    read(w, 3)
    await screen.press(keys.enter)
    await told(w, screen)
    screen.bytes()
    for (let i = 1; i <= 120; i++) {
      w.says(chatId(3), open3, `Line **${i}** of the story, told in some words.\n\n`)
      await told(w, screen)
      expect(screen.text()).toContain(`Line ${i} of the story`)
    }
    screen.assertCalm()
    w.log.chat(
      chatId(3),
      { _tag: "ReplyCompleted", replyId: open3, text: "The whole story.", stop: "end", ...spentCall() },
      noon,
      "worker"
    )
    await told(w, screen)
    expect(screen.text()).toContain("The whole story.")
    expect(screen.text()).toContain("1.9s · 1.2k in · 300 out · $0.001")
    screen.assertCalm()
  })
})

describe("a conversation that is read", () => {
  it("holds its place while text streams, counts what is new, and follows again", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 3)
    await screen.press(keys.enter)
    for (let i = 1; i <= 60; i++) w.says(chatId(3), open3, `Line ${i}.\n\n`)
    await told(w, screen)
    await screen.press(keys.pageUp)
    const held = screen.lines().slice(2, 27)
    expect(held.join("\n")).not.toContain("Line 60.")
    expect(screen.text()).toContain("held")
    for (let i = 61; i <= 67; i++) w.says(chatId(3), open3, `Line ${i}.\n\n`)
    await told(w, screen)
    expect(screen.lines().slice(2, 27)).toEqual(held)
    expect(screen.text()).toContain("↓ 14 new")
    w.log.chat(
      chatId(3),
      {
        _tag: "ReplyCompleted",
        replyId: open3,
        text: Array.from({ length: 67 }, (_, i) => `Line ${i + 1}.\n\n`).join(""),
        stop: "end",
        ...spentCall()
      },
      noon,
      "worker"
    )
    await told(w, screen)
    expect(screen.lines().slice(5, 27)).toEqual(held.slice(3))
    await screen.press(keys.escape, "G")
    expect(screen.text()).toContain("Line 67.")
    expect(screen.text()).not.toContain("new ─")
    await screen.press(keys.pageUp, keys.end)
    expect(screen.text()).toContain("Line 67.")
    screen.assertCalm()
  })

  it("reads older pages when one scrolls up, and stays where it is", async () => {
    const w = world(
      (log) => {
        log.talk(
          chatId(1),
          noon - 10_000_000,
          Array.from({ length: 100 }, (_, i) => [`Question ${i + 1}`, `Answer ${i + 1}`] as const)
        )
      },
      { initial: { view: "chats" }, pageOfTalk: 60 }
    )
    const screen = await show(w)
    await screen.press(keys.enter, keys.escape)
    await told(w, screen)
    expect(screen.text()).toContain("Answer 100")
    for (let i = 0; i < 60 && !screen.text().includes("Question 1\n") && !/Question 1 *$/mu.test(screen.text()); i++)
      await screen.press(keys.pageUp)
    expect(screen.text()).toMatch(/Question 1 *$/mu)
    expect(w.asked.filter((one) => one.startsWith("chat.older")).length).toBeGreaterThanOrEqual(5)
    await screen.press("]", "]", "]")
    expect(screen.lines()[5]).toContain("gemini-2.5-flash")
    expect(screen.lines()[6]).toContain("Answer 2")
    await screen.press("G")
    expect(screen.text()).toContain("Answer 100")
    screen.assertCalm()
  })

  it("keeps its place when older pages come above it", async () => {
    const w = world(
      (log) =>
        log.talk(
          chatId(1),
          noon - 10_000_000,
          Array.from({ length: 50 }, (_, i) => [`Question ${i + 1}`, `Answer ${i + 1}`] as const)
        ),
      { initial: { view: "chats" }, pageOfTalk: 90 }
    )
    const screen = await show(w)
    await screen.press(keys.enter, keys.escape)
    await told(w, screen)
    while (w.asked.length === 0) {
      const before = screen.lines().slice(5, 26)
      await screen.press("k")
      if (w.asked.length > 0) expect(screen.lines().slice(6, 26)).toEqual(before.slice(0, -1)) // one row further
    }
    expect(w.asked).toEqual([`chat.older ${chatId(1)}`])
    await screen.press("k", "k", "k")
    expect(screen.text()).toContain("Answer 20")
  })

  it("shows failures with their sentence and mend and what had arrived, and interruptions", async () => {
    const w = chats()
    w.log.chat(
      chatId(3),
      {
        _tag: "ReplyFailed",
        replyId: open3,
        kind: "quota",
        message: "Google Gemini refused: the quota is used up. Wait until tomorrow or choose another model.",
        text: "Once upon a",
        ...spentCall(),
        usage: null,
        cost: null
      },
      noon,
      "worker"
    )
    w.log.chat(chatId(2), { _tag: "ReplyInterruptRequested", replyId: replyId(2000) }, noon)
    w.log.chat(
      chatId(2),
      { _tag: "ReplyInterrupted", replyId: replyId(2000), text: "I was about to", ...spentCall() },
      noon,
      "worker"
    )
    const screen = await show(w)
    read(w, 3)
    await screen.press(keys.enter)
    await told(w, screen)
    expect(screen.text()).toContain("Once upon a")
    expect(screen.text()).toContain(
      "✗ failed: Google Gemini refused: the quota is used up. Wait until tomorrow or choose another model."
    )
    expect(screen.text()).toContain("tokens unknown")
    await screen.press(keys.escape, "r")
    expect(w.asked).toEqual([`chat.regenerate ${chatId(3)}`])
    await screen.press(keys.escape)
    read(w, 2)
    await screen.press(keys.enter)
    await told(w, screen)
    expect(screen.text()).toContain("I was about to")
    expect(screen.text()).toContain("↯ interrupted; what had arrived is above")
  })

  it.each([
    ["length", "… cut: the model stopped at its limit of length; ask it to go on"],
    ["safety", "… stopped by the provider's safety rules"]
  ] as const)("tells of a reply that was whole for the provider and not for a person: %s", async (stop, words) => {
    const w = chats()
    w.log.chat(
      chatId(3),
      { _tag: "ReplyCompleted", replyId: open3, text: "Once upon a", stop, ...spentCall() },
      noon,
      "worker"
    )
    const screen = await show(w)
    read(w, 3)
    await screen.press(keys.enter)
    await told(w, screen)
    expect(screen.text()).toMatch(/Once upon a *\n/u)
    expect(screen.text()).toContain(words)
    expect(screen.text()).not.toContain("unknown")
  })

  it("tells of a worker that died what is kept, and that nobody knows what it cost", async () => {
    const w = chats()
    const message = "The worker died while the model was speaking. What had arrived is kept."
    const call = { model: "openai/gpt-4.1", usage: null, cost: null, firstTokenMs: null, latencyMs: 0 }
    w.log.chat(
      chatId(3),
      { _tag: "ReplyFailed", replyId: open3, kind: "worker-died", message, text: "Once upon a", ...call },
      noon,
      "worker"
    )
    const screen = await show(w)
    read(w, 3)
    await screen.press(keys.enter)
    await told(w, screen)
    expect(screen.text()).toMatch(/Once upon a *\n/u)
    expect(screen.text()).toContain(`✗ failed: ${message}`)
    expect(screen.lines()[3]).toContain("tokens and price unknown")
    expect(screen.text()).toMatch(/· tokens unknown · price unknown *\n/u)
    expect(screen.text()).not.toMatch(/\$0|no cost|\b0ms/u)
  })

  it("esc interrupts the reply without a question, from writing and from reading", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 3)
    await screen.press(keys.enter)
    expect(screen.lines().at(-1)).toContain("esc interrupt")
    await screen.press("not yet", keys.escape)
    expect(w.asked).toEqual([`chat.interrupt ${chatId(3)}`])
    w.log.chat(chatId(3), { _tag: "ReplyInterruptRequested", replyId: open3 }, noon)
    await told(w, screen)
    expect(screen.text()).toContain("being interrupted")
    expect(screen.text()).toContain("› not yet") // what was written stays
    w.log.chat(chatId(3), { _tag: "ReplyInterrupted", replyId: open3, text: "Once", ...spentCall() }, noon, "worker")
    await told(w, screen)
    expect(screen.lines().at(-1)).toContain("esc read")
  })

  it("asks for a tool call with all of it on the screen, and takes y and n only there", async () => {
    const w = chats({ ask: true })
    const screen = await show(w)
    await told(w, screen)
    expect(screen.lines()[0]).toContain("? 1")
    await screen.press("y") // in the list, y copies
    expect(w.asked).toEqual([])
    await screen.press(keys.enter)
    await told(w, screen)
    expect(screen.text()).toMatch(/\? May it run start_task\?/u)
    expect(screen.text()).toMatch(/host +web1/u)
    expect(screen.text()).toMatch(/command cd \/srv *\n +rm -rf build\//u)
    expect(screen.lines().at(-1)).toMatch(/y yes +n no +esc interrupt/u)
    await screen.press("y")
    expect(w.asked).toEqual([`chat.decide ${chatId(2)} c1 true`])
    w.refuse = "The tool call c1 was approved already."
    await screen.press("n")
    expect(w.asked[1]).toBe(`chat.decide ${chatId(2)} c1 false`)
    expect(screen.text()).toContain("✗ The tool call c1 was approved already.")
    w.log.chat(chatId(2), { _tag: "ToolApproved", replyId: replyId(2000), callId: "c1" }, noon)
    w.log.chat(
      chatId(2),
      { _tag: "ToolAnswered", replyId: replyId(2000), callId: "c1", text: "task-1 succeeded", isError: false },
      noon,
      "worker"
    )
    await told(w, screen)
    expect(screen.text()).not.toContain("May it run")
    expect(screen.text()).toContain("✓ start_task host web1 · command cd /srv⏎rm -rf build/")
    expect(screen.text()).toContain("↳ task-1 succeeded")
    expect(screen.lines()[0]).not.toContain("? 1")
  })

  it("asks once more for a call that is longer than the screen", async () => {
    const w = chats()
    const command = Array.from({ length: 60 }, (_, i) => `echo ${i}`).join("\n")
    w.log.chat(
      chatId(2),
      {
        _tag: "ReplyStepped",
        replyId: replyId(2000),
        step: 1,
        text: "",
        calls: [{ ...call, args: { command } }],
        ...spentCall()
      },
      noon,
      "worker"
    )
    const screen = await show(w)
    await screen.press("g", keys.enter)
    await told(w, screen)
    expect(screen.text()).toMatch(/… 4\d more rows; all of it is above/u)
    await screen.press("y")
    expect(screen.lines().at(-1)).toContain("Not all of it is on the screen. Let it run all the same?")
    await screen.press("n")
    expect(w.asked).toEqual([])
    await screen.press("y", "y")
    expect(w.asked).toEqual([`chat.decide ${chatId(2)} c1 true`])
    screen.assertCalm()
  })

  it("esc leaves the composer and interrupts nothing once the call is seen, though the list does not know of it yet", async () => {
    const w = chats()
    const late: Array<RecordedEvent> = []
    w.log.onAppend = (event) => {
      late.push(event)
      w.store.chats.changeTalk(chatId(2), (talk) => talkEvent(talk, event))
    }
    const screen = await show(w)
    read(w, 2)
    await screen.press(keys.enter)
    asks(w.log)
    await told(w, screen)
    expect(screen.text()).toContain("waits for a yes or no")
    await screen.press(keys.escape)
    expect(w.asked).toEqual([])
    for (const event of late) w.store.apply(event)
    await told(w, screen)
    await screen.press("y")
    expect(w.asked).toEqual([`chat.decide ${chatId(2)} c1 true`])
  })

  it("a draft in progress is never taken for a yes", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 2)
    await screen.press(keys.enter, "why")
    asks(w.log)
    await told(w, screen)
    await screen.press("y")
    expect(w.asked).toEqual([])
    expect(screen.text()).toContain("› whyy")
    await screen.press(keys.enter)
    expect(screen.text()).toContain("a tool call waits for your yes or no")
    expect(w.asked).toEqual([])
    await screen.press(keys.escape, "n")
    expect(w.asked).toEqual([`chat.decide ${chatId(2)} c1 false`])
  })
})

describe("writing", () => {
  it("sends with enter, keeps new lines, and clears the draft only when the hub has it", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 1)
    await screen.press(keys.enter, "one", keys.altEnter, "two", keys.ctrlJ, "three\\", keys.enter, "four")
    expect(screen.text()).toMatch(/› one *\n +two *\n +three *\n +four/u)
    w.refuse = "The hub is not there."
    await screen.press(keys.enter)
    expect(screen.text()).toContain("✗ The hub is not there.")
    expect(screen.text()).toContain("four")
    w.refuse = undefined
    await screen.press(keys.enter)
    expect(w.asked).toEqual([
      `chat.send ${chatId(1)} one\ntwo\nthree\nfour`,
      `chat.send ${chatId(1)} one\ntwo\nthree\nfour`
    ])
    expect(screen.text()).not.toContain("four")
    expect(screen.text()).toContain("write; enter sends")
    await screen.press(keys.enter) // nothing is written, so nothing is sent
    expect(w.asked).toHaveLength(2)
    screen.assertCalm()
  })

  it("takes what is written while a message is on its way, and gives a refused one back before it", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 1)
    w.refuse = "The hub is not there."
    for (const key of ["enter", "a", "enter", "b"]) w.session.press(key.length === 1 ? { key, text: key } : { key })
    await screen.until((text) => /› a *\n +b/u.test(text))
    expect(screen.text()).toContain("✗ The hub is not there.")
    w.refuse = undefined
    for (const key of ["enter", "c"]) w.session.press(key.length === 1 ? { key, text: key } : { key })
    await screen.until((text) => /› c/u.test(text))
    expect(w.asked).toEqual([`chat.send ${chatId(1)} a`, `chat.send ${chatId(1)} a\nb`])
  })

  it("keeps pastes as they are, and shows long ones as one", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 1)
    await screen.press(keys.enter)
    await screen.paste("a\tb\r\nsecond 👨‍👩‍👧")
    expect(screen.text()).toMatch(/› a {4}b *\n +second/u)
    const long = Array.from({ length: 120 }, (_, i) => `row ${i}\t\x1b[2J`).join("\n") + "\n"
    await screen.press(" ")
    await screen.paste(long)
    expect(screen.text()).toContain("[pasted 120 lines]")
    await screen.press("!", keys.backspace, keys.enter)
    expect(w.asked).toEqual([`chat.send ${chatId(1)} a\tb\nsecond 👨‍👩‍👧 ${long.replaceAll("\x1b", "")}`])
    await screen.paste(long)
    await screen.press(keys.backspace)
    expect(screen.text()).not.toContain("[pasted")
    await screen.paste("x".repeat(150_000))
    expect(screen.text()).toContain("[pasted 150,000 characters]")
    await screen.paste("y".repeat(60_000))
    expect(screen.text()).toContain("A message has at most 200,000 characters, and with this it would have 210,000")
    screen.assertCalm()
  })

  it("breaks long lines between words, and the cursor is where it is written", async () => {
    const w = chats()
    const screen = await show(w, 80, 24)
    read(w, 1)
    await screen.press(keys.enter, "many words ".repeat(9), "日本語 end")
    expect(screen.text()).toMatch(/› many words (?:many words )*many words *\n {2}many words many words 日本語 end/u)
    const { active } = screen.stdout.term.buffer
    expect(screen.lines()[active.cursorY]?.trimEnd()).toMatch(/日本語 end$/u)
    expect(active.cursorX).toBe(stringWidth(screen.lines()[active.cursorY]?.trimEnd() ?? ""))
    await screen.press(keys.left, keys.left, keys.left, keys.left, "X")
    expect(screen.text()).toContain("日本語X end")
    screen.assertCalm()
  })

  it("goes back through what was said, and keeps drafts per conversation", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 1)
    await screen.press(keys.enter)
    await told(w, screen)
    await screen.press("draft", keys.up)
    expect(screen.text()).toContain("› And why?")
    await screen.press(keys.up)
    expect(screen.text()).toContain("› How do retries work?")
    await screen.press(keys.down, keys.down)
    expect(screen.text()).toContain("› draft")
    await screen.press(keys.tab)
    read(w, 4)
    await screen.press(keys.enter, "other")
    expect(screen.text()).toContain("› other")
    await screen.press(keys.tab)
    read(w, 1)
    await screen.press(keys.enter)
    expect(screen.text()).toContain("› draft")
  })

  it("is not lost by a q: leaving with drafts is asked about", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 1)
    await screen.press(keys.enter, "draft", keys.escape, "q")
    expect(screen.lines().at(-1)).toContain("Leave? 1 message that was not sent will be lost.")
    await screen.press("n", keys.enter, keys.ctrlU, keys.escape, "q")
    await screen.app.waitUntilExit()
    expect(screen.stdout.term.buffer.active.type).toBe("normal")
  })

  it("says why nothing is sent while a reply is written", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 3)
    await screen.press(keys.enter, "more", keys.enter)
    expect(screen.text()).toContain("a reply is being written: wait for it, or esc interrupts it")
    expect(w.asked).toEqual([])
  })

  it("starts a conversation with its first message, by the model that was picked", async () => {
    const w = chats()
    const screen = await show(w)
    await screen.press("c")
    expect(screen.text()).toContain("New conversation")
    expect(screen.text()).toContain("gemini/gemini-2.5-flash")
    await screen.press(keys.altM, "sonnet")
    expect(screen.text()).toMatch(/> +anthropic\/claude-sonnet-4-5/u)
    await screen.press(keys.enter)
    expect(screen.text()).toContain("anthropic/claude-sonnet-4-5")
    await screen.press("hello", keys.enter)
    expect(w.asked).toEqual(["chat.start hello anthropic/claude-sonnet-4-5"])
    w.log.talk(chatId(900), noon, [["hello"]])
    await told(w, screen)
    expect(screen.text()).toMatch(/hello +▸ replying/u)
    expect(w.session.ui.chat.writing).toBe(chatId(900))
  })

  it("lends the terminal to an editor and takes what it made", async () => {
    const w = chats()
    const screen = await show(w, 120, 30, (text) => Promise.resolve(`${text} and\nmore\n`))
    read(w, 1)
    await screen.press(keys.enter, "first", keys.ctrlO)
    await screen.until((text) => /› first and *\n +more/u.test(text))
  })
})

describe("models", () => {
  it("are shown by provider with their problems, found by typing, and changed", async () => {
    const w = chats()
    const screen = await show(w)
    read(w, 1)
    await screen.press("m")
    expect(screen.text()).toMatch(/Google Gemini/u)
    expect(screen.text()).toContain("● gemini/gemini-2.5-flash")
    expect(screen.text()).toContain("OpenAI has no key here. Set OPENAI_API_KEY for the worker.")
    await screen.press(keys.down, keys.down, keys.enter)
    expect(w.asked).toEqual([`chat.model ${chatId(1)} anthropic/claude-sonnet-4-5`])
    expect(screen.text()).toContain("goes on with anthropic/claude-sonnet-4-5")
    await screen.press("m", "openrouter/meta/llama-3.3-70b", keys.enter)
    expect(w.asked[1]).toBe(`chat.model ${chatId(1)} openrouter/meta/llama-3.3-70b`)
  })

  it("where there are none, the variables to set are named", async () => {
    const w = world(() => {}, { initial: { view: "chats" } })
    w.store.chats.models = {
      state: "ready",
      current: null,
      providers: [
        {
          provider: "gemini",
          title: "Google Gemini",
          problem: "There is no key. Set GEMINI_API_KEY.",
          at: null,
          models: []
        }
      ]
    }
    const screen = await show(w, 80, 24)
    await told(w, screen)
    expect(screen.text()).toContain("No model is configured. Set GEMINI_API_KEY, ANTHROPIC_API_KEY,")
    await screen.press("c")
    expect(screen.text()).toContain("Google Gemini: There is no key. Set GEMINI_API_KEY.")
    screen.assertCalm()
  })
})

describe("the list", () => {
  it("filters, renames, archives, forks, and finds everything in the palette", async () => {
    const w = chats()
    const screen = await show(w)
    await screen.press("/", "retries", keys.enter)
    expect(screen.text()).toContain('1 with "retries"')
    await screen.press("e", keys.ctrlU, "Retries", keys.enter, "x", "F")
    expect(w.asked).toEqual([
      `chat.rename ${chatId(1)} Retries`,
      `chat.archive ${chatId(1)} true`,
      `chat.fork ${chatId(1)} `
    ])
    w.log.chat(chatId(1), { _tag: "ConversationArchived" }, noon)
    await screen.press(keys.escape, keys.escape)
    await told(w, screen)
    expect(screen.text()).toContain("3 conversations")
    await screen.press("A")
    expect(screen.text()).toContain("1 archived")
    await screen.press("A", keys.ctrlK, "long story")
    expect(screen.text()).toMatch(/> Tell me a long story +chat/u)
    await screen.press(keys.enter)
    expect(screen.text()).toMatch(/Tell me a long story +▸ replying/u)
  })

  it("opens what the full-text search found where it stands, however far back", async () => {
    const w = world(
      (log) =>
        log.talk(
          chatId(1),
          noon - 10_000_000,
          Array.from(
            { length: 80 },
            (_, i) => [`Question ${i + 1}`, i === 9 ? "The needle." : `Answer ${i + 1}`] as const
          )
        ),
      { initial: { view: "chats" }, pageOfTalk: 50 }
    )
    const screen = await show(w)
    await screen.press("/", "needle")
    expect(screen.text()).toContain("No conversation has these words.")
    const version = 1 + 10 * 3
    const hit = {
      conversationId: chatId(1),
      title: "",
      version,
      role: "assistant" as const,
      at: "",
      excerpt: "The «needle»."
    }
    w.store.chats.setFound({ query: "needle", hits: [hit], state: "ready" })
    await told(w, screen)
    expect(screen.text()).toContain("The «needle».")
    await screen.press(keys.enter, keys.enter)
    await screen.until((text) => /gemini-2\.5-flash.*\n +The needle\./u.test(text))
    expect(screen.lines()[5]).toContain("gemini-2.5-flash")
    expect(screen.lines()[6]).toContain("The needle.")
    expect(screen.lines().at(-1)).toContain("enter write")
  })

  it("forks as far as the message on top, after a question that names it", async () => {
    const w = chats()
    const screen = await show(w, 80, 14)
    read(w, 1)
    await screen.press(keys.enter, keys.escape)
    await told(w, screen)
    for (let i = 0; i < 20; i++) await screen.press("k")
    await screen.press("F")
    expect(screen.lines().at(-1)).toContain("Fork as far as “How do retries work?”?")
    await screen.press("y")
    expect(w.asked).toEqual([`chat.fork ${chatId(1)} 2`])
  })

  it("an empty place says what to do next", async () => {
    const screen = await show(
      world(() => {}, { initial: { view: "chats" } }),
      80,
      24
    )
    expect(screen.text()).toContain("No conversations yet. Press c and write the first message.")
  })

  it("n goes from the task that waits to the conversation that waits", async () => {
    const w = world((log) => {
      sketch(log)
      talks(log)
      asks(log)
    })
    const screen = await show(w)
    expect(screen.lines()[0]).toContain("? 2")
    await screen.press("n") // the task that waits is selected
    await told(w, screen)
    expect(screen.lines()[0]).toContain("[2 Chats]")
    expect(screen.text()).toMatch(/> .?\? Clean up the build/u)
  })
})

describe("hostile text", () => {
  it("cannot break the frame, wherever in a conversation it stands", async () => {
    const evil = [
      "\x1b[2J\x1b[Hgone",
      "\x1b]0;owned\x07title",
      "\x1b[?1049l",
      "\x1b[999;999Hfar",
      "مرحبا \u202eabc\u202c",
      "👨‍👩‍👧‍👦👍🏽❤️1️⃣",
      "wide 日本語テキスト".repeat(20),
      "\t\ttabs",
      "\x9b2J\x84c1",
      "line\r\nbreak\u2028sep",
      "\ud800",
      "- ".repeat(2000),
      "| a | \x1b[2J |\n|---|---|\n| " + "日本語".repeat(40) + " | b |",
      "```\x1b[2J\n\x1b[31m\n```",
      "[\x1b[2J](http://e/\x1b[2J)"
    ]
    const w = world(
      (log) => {
        log.talk(
          chatId(1),
          noon - 100_000,
          evil.map((text) => [text, text] as const),
          { title: evil.join(" ").slice(0, 200) }
        )
        log.talk(chatId(2), noon, [[evil.join("\n\n")]], { model: "x/\u202e[2J" })
        log.chat(
          chatId(2),
          {
            _tag: "ReplyStepped",
            replyId: replyId(2000),
            step: 1,
            text: evil.join("\n"),
            calls: [
              {
                callId: "c",
                name: "start_task\x1b[2J",
                args: { "k\x1b[2J": evil.join("\n"), hidden: "rm \u200b\u202e-rf" },
                needsApproval: true
              }
            ],
            ...spentCall()
          },
          noon,
          "worker"
        )
      },
      { initial: { view: "chats" } }
    )
    const screen = await show(w, 100, 30)
    screen.bytes()
    const steps = [
      "j",
      keys.enter,
      keys.pageUp,
      keys.escape,
      "[",
      "[",
      "G",
      keys.escape,
      "g",
      keys.enter,
      keys.pageUp,
      keys.pageUp,
      keys.pageUp
    ]
    for (const key of steps) {
      await screen.press(key)
      await told(w, screen)
      expect(screen.lines()[0]).toMatch(/^ signalbox .*● live \d+$/u)
      for (const line of screen.lines()) expect(stringWidth(line)).toBeLessThanOrEqual(100)
    }
    await screen.press("G")
    expect(screen.text()).toContain("… ")
    screen.assertCalm()
    const written = screen.stdout.writes.join("")
    // oxlint-disable-next-line no-control-regex
    expect(written).not.toMatch(/\x1b\[999|\x1b\]0;|\u202e|\x9b|\x1b\[2J/u)
  })

  it("shows what a call hides: escapes and invisible characters as numbers", async () => {
    const w = chats()
    w.log.chat(
      chatId(2),
      {
        _tag: "ReplyStepped",
        replyId: replyId(2000),
        step: 1,
        text: "",
        calls: [{ ...call, args: { command: "ls\x1b[8m; rm -rf /\u202e\u200b" } }],
        ...spentCall()
      },
      noon,
      "worker"
    )
    const screen = await show(w)
    await screen.press("g", keys.enter)
    await told(w, screen)
    expect(screen.text()).toContain("ls\\u{1b}[8m; rm -rf /\\u{202e}\\u{200b}")
  })
})
