/**
 * The text of open replies on Postgres: NOTIFY for screens, `live.*` for crashes.
 *
 * Owns: claims, how pieces are gathered, sent and stored, one subscription for all who listen in this process.
 * Does not own: healing what was lost on the way (`ConversationFeedLive.ts`), the outcome.
 * Invariants: the first piece of a reply goes at once, the next ones together, one statement at a time and at most one per 16 ms for
 * the whole process, in order because on one connection; sending never waits for anybody and what is lost is in the store; what is stored is stored in order, one writer at a time.
 */
import { Clock, Deferred, Effect, Layer, Option, Queue, Schedule, Schema, Semaphore, Stream } from "effect"
import type postgres from "postgres"
import { VOLATILE_CHANNEL } from "../log/Doorbell.ts"
import { EventLog } from "../log/EventLog.ts"
import { envelope, MAX_BYTES } from "../log/volatile.ts"
import { connect, Db, type DbError, toDbError } from "../postgres/Db.ts"
import { LiveText, type LivePiece } from "./LiveText.ts"
import { joined, splitByBytes, storableText } from "./pieces.ts"

const topic = "live"
const sendEveryMs = 16
const storeEveryMs = 100
const thinkingEveryMs = 1_000
/** Of one message, for everything but its text. */
const wrapping = 256
/** A claim outlives the outcome by this much: longer than any process can have slept. */
const claimsKept = "1 day"
const listenerBuffer = 4_096

/** conversation, reply, offset and text; or without the last two: it thinks. */
const Message = Schema.Union([
  Schema.Tuple([Schema.String, Schema.String, Schema.Int, Schema.String]),
  Schema.Tuple([Schema.String, Schema.String])
])
const decodeMessage = Schema.decodeUnknownOption(Message)

/** A reply that is written here. */
interface Voice {
  readonly conversationId: string
  /** Not sent yet. */
  unsent: string
  unsentFrom: number
  /** That it thinks is still to be said. */
  thinks: boolean
  thoughtAt: number
  /** Something of it was sent: the next ones may wait for company. */
  sent: boolean
  /** Not stored yet. */
  unstored: string
  unstoredFrom: number
}

export const LiveTextLive: Layer.Layer<LiveText, never, Db | EventLog> = Layer.effect(
  LiveText,
  Effect.gen(function* () {
    const db = yield* Db
    const log = yield* EventLog
    // its own connection: pieces wait for nobody's transaction
    const wire = yield* Effect.acquireRelease(
      Effect.sync(() => connect(db.url, { max: 1, name: "signalbox-live", lazyCommit: true })),
      (sql) => Effect.promise(() => sql.end({ timeout: 5 }))
    )
    const onWire = <A>(op: string, f: (sql: postgres.Sql) => PromiseLike<A>): Effect.Effect<A, DbError> =>
      Effect.tryPromise({ try: () => f(wire), catch: (cause) => toDbError(op, cause) })

    const voices = new Map<string, Voice>()
    const sending = yield* Queue.sliding<void>(1)
    const storing = yield* Queue.sliding<void>(1)
    const oneStore = yield* Semaphore.make(1)

    const publish = (messages: Array<string>) =>
      onWire(
        "send live text",
        (sql) => sql`select pg_notify(${VOLATILE_CHANNEL}, text) from unnest(${messages}::text[]) as text`
      )
    let last = 0
    const send = Effect.gen(function* () {
      for (;;) {
        yield* Queue.take(sending)
        const rest = last + sendEveryMs - (yield* Clock.currentTimeMillis)
        if (rest > 0) yield* Effect.sleep(rest)
        const messages = takeUnsent(voices)
        if (messages.length === 0) continue
        last = yield* Clock.currentTimeMillis
        yield* Effect.ignore(publish(messages))
      }
    })

    const storeAll = Semaphore.withPermits(
      oneStore,
      1
    )(
      Effect.suspend(() => {
        const due = [...voices].filter(([, voice]) => voice.unstored !== "")
        if (due.length === 0) return Effect.void
        const rows = due.map(([replyId, { unstored: text, unstoredFrom: from }]) => ({ replyId, from, text }))
        const stored = Effect.sync(() => {
          rows.forEach(({ replyId, from, text }) => {
            const voice = voices.get(replyId)
            if (voice === undefined) return
            voice.unstored = voice.unstored.slice(text.length)
            voice.unstoredFrom = from + text.length
          })
        })
        return Effect.andThen(
          onWire(
            "store live text",
            (sql) => sql`
              insert into live.chunk (reply_id, from_unit, upto_unit, text)
              select * from unnest(${rows.map((row) => row.replyId)}::text[], ${rows.map((row) => row.from)}::int[],
                ${rows.map((row) => row.from + row.text.length)}::int[], ${rows.map((row) => row.text)}::text[])
              on conflict do nothing`
          ),
          stored
        )
      })
    )
    const store = Effect.gen(function* () {
      for (;;) {
        yield* Queue.take(storing)
        yield* Effect.sleep(storeEveryMs)
        const trouble = yield* Effect.option(Effect.flip(storeAll))
        if (Option.isNone(trouble)) continue
        yield* Effect.logWarning(`the text of open replies is not stored yet: ${trouble.value.message}`)
        yield* Effect.sleep(storeEveryMs)
        yield* Queue.offer(storing, undefined)
      }
    })
    yield* Effect.forkScoped(send)
    yield* Effect.forkScoped(store)

    const listeners = new Map<string, Set<(piece: LivePiece) => void>>()
    const scope = yield* Effect.scope
    const heard = yield* Deferred.make<void>()
    let listening = false
    const listen = Effect.suspend(() => {
      if (listening) return Effect.void
      listening = true
      const all = log.subscribe(topic).pipe(
        Stream.onStart(Deferred.succeed(heard, undefined)),
        Stream.runForEach((payload) => Effect.sync(() => tell(listeners, payload))),
        Effect.repeat(Schedule.spaced("1 second"))
      )
      return Effect.andThen(Effect.forkIn(all, scope), Deferred.await(heard))
    })

    return LiveText.of({
      claim: (replyId, step, conversationId) =>
        Effect.map(
          db.query(
            "claim a step of a reply",
            (sql) => sql`insert into live.claim (reply_id, step, conversation_id)
              values (${replyId}, ${step}, ${conversationId}) on conflict do nothing`
          ),
          (result) => result.count === 1
        ),
      giveBack: (replyId, step) =>
        Effect.asVoid(
          db.query(
            "give a claim back",
            (sql) => sql`delete from live.claim where reply_id = ${replyId} and step = ${step}`
          )
        ),
      write: (conversationId, piece) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const voice = voiceOf(voices, conversationId, piece)
          if (piece._tag === "Thinking") {
            if (now - voice.thoughtAt < thinkingEveryMs) return
            voice.thoughtAt = now
            voice.thinks = true
          } else if (piece.text === "") return
          else hear(voice, piece.from, storableText(piece.text))
          if (voice.sent) Queue.offerUnsafe(sending, undefined)
          else {
            // the first of a reply: somebody waits for it, and it waits for nobody
            last = now
            Effect.runFork(Effect.ignore(publish(takeUnsent([[piece.replyId, voice]]))))
          }
          if (voice.unstored !== "") Queue.offerUnsafe(storing, undefined)
        }),
      flush: (replyId) =>
        Effect.andThen(
          storeAll,
          Effect.sync(() => {
            const voice = voices.get(replyId)
            if (voice?.unstored === "" && voice.unsent === "") voices.delete(replyId)
          })
        ),
      read: (replyId) => Effect.map(readSince(db, [{ replyId, from: 0 }]), ([found]) => found?.text ?? ""),
      since: (wanted) => readSince(db, wanted),
      drop: (replyId) =>
        Semaphore.withPermits(
          oneStore,
          1
        )(
          Effect.andThen(
            Effect.sync(() => voices.delete(replyId)),
            Effect.asVoid(
              db.query(
                "drop live text",
                (sql) => sql`
                  with dropped as (delete from live.chunk where reply_id = ${replyId}),
                  old as (delete from live.claim where ended_at < now() - ${claimsKept}::interval)
                  update live.claim set ended_at = now() where reply_id = ${replyId} and ended_at is null`
              )
            )
          )
        ),
      pieces: (conversationId) =>
        Stream.callback<LivePiece>(
          (queue) =>
            Effect.gen(function* () {
              yield* listen
              const listener = (piece: LivePiece) => void Queue.offerUnsafe(queue, piece)
              yield* Effect.acquireRelease(
                Effect.sync(() =>
                  listeners.set(conversationId, (listeners.get(conversationId) ?? new Set()).add(listener))
                ),
                () =>
                  Effect.sync(() => {
                    const all = listeners.get(conversationId)
                    all?.delete(listener)
                    if (all?.size === 0) listeners.delete(conversationId)
                  })
              )
            }),
          { bufferSize: listenerBuffer, strategy: "sliding" }
        )
    })
  })
)

const voiceOf = (voices: Map<string, Voice>, conversationId: string, piece: LivePiece): Voice => {
  const known = voices.get(piece.replyId)
  if (known !== undefined) return known
  const from = piece._tag === "Text" ? piece.from : -1
  const made: Voice = {
    conversationId,
    unsent: "",
    unsentFrom: from,
    thinks: false,
    thoughtAt: 0,
    sent: false,
    unstored: "",
    unstoredFrom: from
  }
  voices.set(piece.replyId, made)
  return made
}

const hear = (voice: Voice, from: number, text: string): void => {
  if (voice.unsent === "") voice.unsentFrom = from
  if (voice.unstored === "") voice.unstoredFrom = from
  if (from !== voice.unstoredFrom + voice.unstored.length)
    throw new RangeError(`live text goes on at ${from}, not at ${voice.unstoredFrom + voice.unstored.length}`)
  voice.unsent += text
  voice.unstored += text
}

/** Everything that was not sent, as messages that fit into a notification. */
const takeUnsent = (voices: Iterable<readonly [string, Voice]>): Array<string> => {
  const messages: Array<string> = []
  for (const [replyId, voice] of voices) {
    if (voice.unsent === "" && !voice.thinks) continue
    voice.sent = true
    voice.thinks = false
    if (voice.unsent === "") {
      messages.push(envelope(topic, [voice.conversationId, replyId]))
      continue
    }
    let from = voice.unsentFrom
    for (const text of splitByBytes(voice.unsent, MAX_BYTES - wrapping)) {
      messages.push(envelope(topic, [voice.conversationId, replyId, from, text]))
      from += text.length
    }
    voice.unsent = ""
  }
  return messages
}

const tell = (listeners: ReadonlyMap<string, ReadonlySet<(piece: LivePiece) => void>>, payload: Schema.Json): void => {
  if (!Array.isArray(payload) || typeof payload[0] !== "string" || !listeners.has(payload[0])) return
  const message = decodeMessage(payload)
  if (Option.isNone(message)) return
  const [conversationId, replyId, from, text] = message.value
  const piece: LivePiece =
    from === undefined || text === undefined ? { _tag: "Thinking", replyId } : { _tag: "Text", replyId, from, text }
  for (const listener of listeners.get(conversationId) ?? []) listener(piece)
}

const readSince = Effect.fnUntraced(function* (
  db: Db["Service"],
  wanted: ReadonlyArray<{ readonly replyId: string; readonly from: number }>
) {
  if (wanted.length === 0) return []
  const rows = yield* db.query(
    "read live text",
    (sql) => sql<{ replyId: string; from: number; text: string }[]>`
      select c.reply_id as "replyId", c.from_unit as from, c.text
      from unnest(${wanted.map((one) => one.replyId)}::text[], ${wanted.map((one) => one.from)}::int[]) as w (reply_id, at)
      join live.chunk c on c.reply_id = w.reply_id and c.upto_unit > w.at
      order by c.reply_id, c.upto_unit`
  )
  return wanted.map(({ replyId, from }) => {
    let text = ""
    for (const row of rows) {
      if (row.replyId !== replyId) continue
      // as if the text began at `from`: what lies before it is known already
      const begin = row.from - from
      const next =
        begin < 0
          ? joined(text, { from: 0, text: row.text.slice(-begin) })
          : joined(text, { from: begin, text: row.text })
      if (next === undefined) break
      text = next
    }
    return { replyId, from, text }
  })
})
