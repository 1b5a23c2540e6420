/**
 * The commands inside `chat`: one table, from which /help is made.
 *
 * Owns: their words and what they do to the conversation. Does not own: the loop (`interactive.ts`), the rules (hub).
 */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient, type HubClientShape } from "@signalbox/core/api/HubClient.ts"
import { oneLine } from "@signalbox/tui/text.ts"
import { cannotTell, type CommandFailed, talk as tell } from "../output.ts"
import { columns } from "../paint.ts"
import type { HubConnection } from "../client/HubConnection.ts"
import { fetchExport } from "../conversation/export.ts"
import { modelTable } from "../model/words.ts"
import type { Talk } from "./chat.ts"

export interface Session {
  readonly talk: Talk
  readonly leave: boolean
}

interface Slash {
  readonly words: string
  readonly help: string
  /** @param rest what follows the name, trimmed */
  readonly run: (session: Session, rest: string) => Effect.Effect<Session, CommandFailed, HubClient | HubConnection>
}

const act = Effect.fnUntraced(function* (
  session: Session,
  use: (hub: HubClientShape, conversationId: string) => Effect.Effect<Session, { readonly message: string }, never>
) {
  const hub = yield* HubClient
  const { conversationId } = session.talk
  if (conversationId === undefined) return yield* Effect.fail(cannotTell("Nothing has been said yet."))
  return yield* use(hub, conversationId).pipe(Effect.mapError((error) => cannotTell(error.message)))
})

const given = () => ({ commandId: randomUUID() })

export const slashes: Readonly<Record<string, Slash>> = {
  help: {
    words: "/help",
    help: "This list",
    run: (session) => Effect.as(tell(help()), session)
  },
  model: {
    words: "/model [NAME]",
    help: "The models there are; or go on with another one",
    run: (session, name) =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        if (name === "") {
          const listed = yield* hub.models
            .list({ query: {} })
            .pipe(Effect.mapError((error) => cannotTell(error.message)))
          yield* tell(modelTable(listed.providers, session.talk.model ?? listed.current))
          return session
        }
        const { conversationId } = session.talk
        if (conversationId === undefined) return { ...session, talk: { ...session.talk, model: name } }
        const { model } = yield* hub.conversations
          .changeModel({ params: { conversationId }, payload: { ...given(), model: name } })
          .pipe(Effect.mapError((error) => cannotTell(error.message)))
        yield* tell(`The model is now ${oneLine(model, 200)}.`)
        return { ...session, talk: { ...session.talk, model: undefined } }
      })
  },
  new: {
    words: "/new",
    help: "A new conversation; this one stays in conversation list",
    run: (session) =>
      Effect.as(tell("A new conversation."), { ...session, talk: { ...session.talk, conversationId: undefined } })
  },
  title: {
    words: "/title TEXT",
    help: "Give the conversation a title",
    run: (session, title) =>
      act(session, (hub, conversationId) =>
        Effect.as(hub.conversations.rename({ params: { conversationId }, payload: { ...given(), title } }), session)
      )
  },
  summarize: {
    words: "/summarize",
    help: "Have the past summarized, so that less of it is sent",
    run: (session) =>
      act(session, (hub, conversationId) =>
        Effect.andThen(
          hub.conversations.summarize({ params: { conversationId }, payload: given() }),
          Effect.as(tell("The past is being summarized."), session)
        )
      )
  },
  export: {
    words: "/export FILE",
    help: "Write the conversation to a file: .md, .json or .jsonl",
    run: (session, file) =>
      Effect.gen(function* () {
        const { conversationId } = session.talk
        if (conversationId === undefined) return yield* Effect.fail(cannotTell("Nothing has been said yet."))
        if (file === "") return yield* Effect.fail(cannotTell("Name a file: /export talk.md"))
        const format = /\.(json|jsonl)$/u.exec(file)?.[1] ?? "md"
        yield* fetchExport(conversationId, format === "json" || format === "jsonl" ? format : "md", file)
        yield* tell(`${file} is written.`)
        return session
      })
  },
  fork: {
    words: "/fork",
    help: "Go on in a copy of the conversation",
    run: (session) =>
      act(session, (hub, conversationId) =>
        Effect.gen(function* () {
          const forked = yield* hub.conversations.fork({ params: { conversationId }, payload: given() })
          yield* tell(`You go on in ${forked.conversationId}.`)
          return { ...session, talk: { ...session.talk, conversationId: forked.conversationId } }
        })
      )
  },
  exit: {
    words: "/exit",
    help: "Leave; so do Ctrl-D, and Ctrl-C twice",
    run: (session) => Effect.succeed({ ...session, leave: true })
  }
}

const help = (): string =>
  [
    columns(Object.values(slashes).map((one) => [one.words, one.help])),
    "A line that ends with \\ goes on in the next one. Ctrl-C interrupts a reply."
  ].join("\n")

/** Undefined: it is no command but something to say. */
export const slashOf = (text: string): { readonly name: string; readonly rest: string } | undefined => {
  const [, name, rest = ""] = /^\/([a-z]+)(?:[ \t]+([^\n]*))?$/u.exec(text.trim()) ?? []
  return name === undefined ? undefined : { name, rest: rest.trim() }
}
