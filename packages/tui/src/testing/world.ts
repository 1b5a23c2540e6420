/**
 * A session over a fixture world, without a hub: for tests of views and keys.
 *
 * Owns: acts that record what was asked. Does not own: HTTP (`hub.ts`).
 */
import { conversationIdOf } from "@signalbox/core/conversation/events.ts"
import type { AgentInfo } from "@signalbox/core/agent/view.ts"
import { briefPlan } from "@signalbox/core/plan/brief.ts"
import type { Models } from "../conversation/model.ts"
import { emptyTalk, talkDelta, talkEvent, talkPage } from "../conversation/talk.ts"
import type { Acts } from "../Hub.ts"
import { LogLines } from "../log/lines.ts"
import { Session } from "../Session.ts"
import { Store } from "../store.ts"
import type { Ui } from "../ui.ts"
import { chatId, FixtureLog, noon, taskId, tools, web1, web1Checked } from "./fixture.ts"

export interface World {
  readonly log: FixtureLog
  readonly store: Store
  readonly session: Session
  readonly asked: Array<string>
  /** What the acts answer with next: a rejection with this sentence. */
  refuse: string | undefined
  readonly output: (taskId: string, text: string) => void
  /** What the model says in the open reply of the conversation that is read. */
  readonly says: (conversationId: string, replyId: string, text: string) => void
}

export const models: Models = {
  state: "ready",
  current: "gemini/gemini-2.5-flash",
  providers: [
    {
      provider: "gemini",
      title: "Google Gemini",
      problem: null,
      at: null,
      models: [
        { ref: "gemini/gemini-2.5-flash", title: "Gemini 2.5 Flash", window: 1_048_576, maxOutput: 65_536 },
        { ref: "gemini/gemini-2.5-pro", title: "Gemini 2.5 Pro", window: 1_048_576, maxOutput: 65_536 }
      ]
    },
    {
      provider: "anthropic",
      title: "Anthropic",
      problem: null,
      at: null,
      models: [{ ref: "anthropic/claude-sonnet-4-5", title: "Claude Sonnet 4.5", window: 200_000, maxOutput: 64_000 }]
    },
    {
      provider: "openai",
      title: "OpenAI",
      problem: "OpenAI has no key here. Set OPENAI_API_KEY for the worker.",
      at: null,
      models: []
    }
  ]
}

/** The tasks of the sketch: one waits, one runs, one is queued, one is done, one failed. */
export const sketch = (log: FixtureLog): void => {
  const at = noon - 600_000
  log.host("web1", web1, at)
  log.host("web1", web1Checked, at + 1000)
  log.make(taskId(1), at, { status: "failed", host: "web1", tool: "codex", command: "fix the build" })
  log.make(taskId(2), at + 60_000, { status: "succeeded", command: "npm test" })
  log.make(taskId(3), at + 120_000, {
    status: "queued",
    host: "web1",
    tool: "claude",
    command: "process-documents ~/docs"
  })
  log.make(taskId(4), at + 180_000, {
    status: "running",
    host: "web1",
    tool: "claude",
    command: "refactor the payment retries"
  })
  log.make(taskId(5), at + 240_000, {
    status: "waiting",
    host: "web1",
    tool: "codex",
    command: "clean up",
    question: "Approve: rm -rf build/ ?"
  })
}

export const world = (
  fill: (log: FixtureLog) => void = sketch,
  options: {
    readonly initial?: Partial<Ui>
    readonly now?: number
    readonly mostTasks?: number
    readonly pageOfTalk?: number
    readonly agents?: ReadonlyArray<AgentInfo>
    /** The plan that an instruction becomes. */
    readonly givenPlan?: string
  } = {}
): World => {
  const log = new FixtureLog()
  fill(log)
  const store = new Store({ interval: 0, ...(options.mostTasks === undefined ? {} : { mostTasks: options.mostTasks }) })
  store.load({
    tasks: [...log.tasks.values()],
    hosts: log.hostStatuses(),
    tools,
    chats: [...log.chats.values()],
    plans: [...log.plans.values()].map(briefPlan),
    agents: options.agents ?? [],
    events: log.events.slice(-500),
    position: log.head
  })
  store.connection = { state: "live" }
  store.chats.models = models
  store.plans.onWanted = (id) => {
    const view = log.plans.get(id)
    if (view === undefined) store.plans.missed(id)
    else store.plans.arrived(view)
  }
  log.onAppend = (event) => {
    store.apply(event)
    store.chats.changeTalk(conversationIdOf(event.stream), (talk) => talkEvent(talk, event))
  }
  const pageOfTalk = options.pageOfTalk ?? 200
  const asked: Array<string> = []
  const outputs = new Map<string, LogLines>()
  const said = new Map<string, number>()
  let reading: string | undefined
  const show = (): void => {
    const lines = outputs.get(reading ?? "")
    if (reading === undefined) return store.setLog(undefined)
    store.setLog({ taskId: reading, lines: lines?.all ?? [], bytes: 0, state: "following", cut: false })
  }
  const self: World = {
    log,
    store,
    asked,
    refuse: undefined,
    output: (id, text) => {
      const lines = outputs.get(id) ?? new LogLines()
      outputs.set(id, lines)
      lines.push("out", new TextEncoder().encode(text))
      show()
    },
    says: (conversationId, replyId, text) => {
      const key = `${conversationId} ${replyId}`
      const from = said.get(key) ?? 0
      said.set(key, from + text.length)
      store.chats.changeTalk(conversationId, (talk) => talkDelta(talk, replyId, from, text))
    },
    session: new Session({
      store,
      clock: () => options.now ?? noon,
      ...(options.initial === undefined ? {} : { initial: options.initial }),
      acts: ((): Acts => {
        const act =
          (name: string, answer = "") =>
          (...args: ReadonlyArray<unknown>) => {
            asked.push([name, ...args.map((a) => (typeof a === "string" ? a : JSON.stringify(a)))].join(" "))
            return self.refuse === undefined ? Promise.resolve(answer) : Promise.reject(new Error(self.refuse))
          }
        const quiet =
          (name: string) =>
          (...args: ReadonlyArray<unknown>) =>
            act(name)(...args).then(() => {})
        return {
          kill: quiet("kill"),
          retry: act("retry", taskId(77)),
          say: quiet("say"),
          message: act("message", taskId(78)),
          create: act("create", taskId(79)),
          addHost: quiet("addHost"),
          checkHost: quiet("checkHost"),
          removeHost: quiet("removeHost"),
          olderEvents: () => act("olderEvents")().then(() => false),
          readLog: (id) => {
            if (id === reading) return
            reading = id
            show()
          },
          chats: {
            start: act("chat.start", chatId(900)),
            send: quiet("chat.send"),
            regenerate: quiet("chat.regenerate"),
            interrupt: quiet("chat.interrupt"),
            decide: quiet("chat.decide"),
            changeModel: act("chat.model", "anthropic/claude-sonnet-4-5"),
            rename: quiet("chat.rename"),
            archive: quiet("chat.archive"),
            fork: act("chat.fork", chatId(901)),
            summarize: quiet("chat.summarize"),
            models: () => Promise.resolve(),
            older: (id) => {
              const { talk } = store.chats
              const before = talk?.events[0]?.version ?? 1
              const older = log.chatEvents(id).slice(Math.max(0, before - 1 - pageOfTalk), before - 1)
              store.chats.changeTalk(id, (now) => talkPage(now, older, (older[0]?.version ?? 1) > 1))
              return act("chat.older")(id).then(() => {})
            },
            read: () => Promise.resolve(),
            follow: (wanted) => {
              if (wanted?.conversationId === store.chats.talk?.conversationId) return
              const id = wanted?.conversationId
              if (id === undefined) return store.chats.setTalk(undefined)
              const page = log.chatEvents(id).slice(-pageOfTalk)
              store.chats.setTalk({ ...talkPage(emptyTalk(id), page, (page[0]?.version ?? 1) > 1), state: "live" })
            }
          },
          plans: {
            give: (text, dryRun) => act("plan.give", options.givenPlan ?? "")(text, dryRun ? "dry" : "really"),
            approve: (planId, hash, ...code) =>
              quiet("plan.approve")(planId, hash, ...code.filter((one) => one !== undefined)),
            reject: quiet("plan.reject"),
            cancel: quiet("plan.cancel"),
            follow: (wanted) => {
              if (wanted !== undefined) store.plans.want(wanted.planId)
            }
          },
          agents: { follow: () => {} },
          close: () => Promise.resolve()
        }
      })()
    })
  }
  return self
}
