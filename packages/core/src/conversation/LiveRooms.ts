/**
 * What the followers of one conversation in this process share: its newest events, and the text of its open reply.
 *
 * Owns: those, waking followers, healing text that was lost on the way from the store. Does not own: a follower's frames
 * (`ConversationFeedLive.ts`), the transport (`LiveText`), reading the log (`ConversationTail`).
 * Invariants: bounded by the conversations that are followed, not by their followers; no LISTEN and no poll per follower — one
 * statement per 150 ms heals all open replies of the process that are silent; text is dense and only grows.
 */
import { Clock, Effect, Option, Queue, RcMap, type Scope, Stream } from "effect"
import { Commands } from "../log/Commands.ts"
import type { RecordedEvent } from "../log/Event.ts"
import { Precedence } from "../projection/Precedence.ts"
import { ConversationTail } from "./ConversationTail.ts"
import { conversationEvents, conversationStream } from "./events.ts"
import { LiveText, type LivePiece } from "./LiveText.ts"
import { joined, type TextPiece } from "./pieces.ts"
import { conversationDecider } from "./room.ts"

const keptEvents = 64
const keptBytes = 1_048_576
const healEveryMs = 150
/** In place of when it was last heard: what was said before somebody listened is in the store. Of a reply whose request is heard, nothing was. */
const mayHaveBegun = 0
/** Pieces beyond a gap that are remembered until it is healed; more of them are found in the store. */
const keptPieces = 64

export interface LiveReply {
  readonly replyId: string
  readonly text: string
  /** How often it was told that the model thinks. */
  readonly thoughts: number
}
export interface LiveRoom {
  /** Grows whenever there may be something new. */
  readonly rung: () => number
  /** Suspends until it has grown beyond `rung`. */
  readonly wait: (rung: number) => Effect.Effect<void>
  /** Events from that version on, for who has read the log to its end since it entered; undefined: read it again. */
  readonly from: (version: number) => ReadonlyArray<RecordedEvent> | undefined
  /** The text of the open reply so far. */
  readonly open: (replyId: string) => LiveReply
}

/** The open reply of a conversation. */
interface Live {
  readonly replyId: string
  text: string
  thoughts: number
  /** What came before what it follows. */
  beyond: ReadonlyArray<TextPiece>
  heardAt: number
  /** Nobody speaks: a person is waited for. */
  resting: boolean
}

export const makeLiveRooms: Effect.Effect<
  { readonly enter: (conversationId: string) => Effect.Effect<LiveRoom, never, Scope.Scope> },
  never,
  Commands | ConversationTail | LiveText | Scope.Scope
> = Effect.gen(function* () {
  const commands = yield* Commands
  const precedence = yield* Effect.serviceOption(Precedence)
  const followed = new Set<string>()
  const clock = yield* Clock.Clock
  // somebody looks at it and waits for the first words
  const { done } = Option.isNone(precedence)
    ? { done: () => {} }
    : yield* precedence.value.answers(
        conversationStream(""),
        ({ type, stream }) => type === "ReplyRequested" && followed.has(stream)
      )
  const tail = yield* ConversationTail
  const text = yield* LiveText
  const open = new Map<string, { readonly live: Live; readonly ring: () => void }>()
  const wake = yield* Queue.sliding<void>(1)

  const heal = Effect.gen(function* () {
    for (;;) {
      if (open.size === 0) yield* Queue.take(wake)
      const now = yield* Clock.currentTimeMillis
      const due = [...open.values()].filter(
        ({ live }) => live.beyond.length > 0 || (!live.resting && now - live.heardAt >= healEveryMs)
      )
      const wanted = due.map(({ live }) => ({ replyId: live.replyId, from: live.text.length }))
      const found = yield* Effect.orElseSucceed(text.since(wanted), () => [])
      for (const piece of found) {
        const known = piece.text === "" ? undefined : open.get(piece.replyId)
        if (known !== undefined && add(known.live, piece)) known.ring()
      }
      yield* Effect.timeoutOption(Queue.take(wake), healEveryMs)
    }
  })
  yield* Effect.forkScoped(heal)

  const rooms = yield* RcMap.make({
    lookup: (conversationId: string) =>
      Effect.gen(function* () {
        const begin = (live: Live, ring: () => void): void => {
          open.set(live.replyId, { live, ring })
          Queue.offerUnsafe(wake, undefined)
        }
        const room = makeRoom({ begin, end: (replyId) => open.delete(replyId), begun: done })
        const stream = conversationStream(conversationId)
        yield* Effect.acquireRelease(
          Effect.sync(() => followed.add(stream)),
          () => Effect.sync(() => followed.delete(stream))
        )
        yield* Effect.addFinalizer(() => Effect.sync(room.close))
        yield* tail.watch(conversationId, (event) => {
          commands.hear(conversationDecider, conversationEvents, event)
          room.happened(event, clock.currentTimeMillisUnsafe())
        })
        yield* text.pieces(conversationId).pipe(
          Stream.runForEach((piece) => Effect.map(Clock.currentTimeMillis, (now) => room.heard(piece, now))),
          Effect.forkScoped({ startImmediately: true })
        )
        return room.door
      })
  })
  return { enter: (conversationId) => RcMap.get(rooms, conversationId) }
})

const makeRoom = (registry: {
  readonly begin: (live: Live, ring: () => void) => void
  readonly end: (replyId: string) => void
  /** The first words of the reply that was asked for at that position have come, or none will. */
  readonly begun: (position: number) => void
}) => {
  let rings = 0
  const waiting = new Set<() => void>()
  let events: Array<RecordedEvent> = []
  let bytes = 0
  let live: Live | undefined
  /** Of a reply whose request was not heard of yet. */
  let early: ReadonlyArray<LivePiece> = []
  let ended: string | undefined
  /** Where the open reply was asked for, until it is heard of. */
  let asked: number | undefined

  const ring = (): void => {
    rings++
    const all = [...waiting]
    waiting.clear()
    for (const go of all) go()
  }
  const close = (): void => {
    if (live !== undefined) registry.end(live.replyId)
    live = undefined
  }
  const begin = (replyId: string, heardAt: number): Live => {
    close()
    const made: Live = { replyId, text: "", thoughts: 0, beyond: [], heardAt, resting: false }
    live = made
    for (const piece of early) take(made, piece)
    early = []
    registry.begin(made, ring)
    return made
  }
  const remember = (event: RecordedEvent): void => {
    const next = (events.at(-1)?.version ?? event.version - 1) + 1
    if (event.version < next) return
    if (event.version > next) [events, bytes] = [[], 0] // what lies between is read from the log
    events.push(event)
    bytes += weightOf(event)
    while (events.length > keptEvents || (bytes > keptBytes && events.length > 1)) {
      const dropped = events.shift()
      bytes -= dropped === undefined ? 0 : weightOf(dropped)
    }
  }
  const begun = (): void => {
    if (asked !== undefined) registry.begun(asked)
    asked = undefined
  }
  const happened = (event: RecordedEvent, now: number): void => {
    remember(event)
    const replyId = replyIdOf(event)
    if (replyId !== undefined) {
      begun()
      if (event.type === "ReplyRequested") asked = event.position
      if (event.type === "ReplyRequested" && replyId !== live?.replyId) begin(replyId, now)
      else if (outcomes.has(event.type)) {
        ended = replyId
        if (live?.replyId === replyId) close()
      } else if (live?.replyId === replyId) live.resting = event.type === "ReplyStepped" && asksSomebody(event)
    }
    ring()
  }
  const heard = (piece: LivePiece, now: number): void => {
    if (piece.replyId === ended) return // said before the outcome, heard after it
    if (piece.replyId !== live?.replyId) {
      early = [...early.filter((one) => one.replyId === piece.replyId), piece].slice(-keptPieces)
      return
    }
    live.heardAt = now
    live.resting = false
    if (take(live, piece)) ring()
    begun()
  }
  const door: LiveRoom = {
    rung: () => rings,
    wait: (rung) =>
      Effect.callback((resume) => {
        if (rings !== rung) return resume(Effect.void)
        const go = () => resume(Effect.void)
        waiting.add(go)
        return Effect.sync(() => waiting.delete(go))
      }),
    from: (version) => {
      const first = events[0]?.version
      if (first === undefined) return []
      return version >= first ? events.slice(version - first) : undefined
    },
    open: (replyId) =>
      live?.replyId === replyId ? live : replyId === ended ? silent(replyId) : begin(replyId, mayHaveBegun)
  }
  return { door, happened, heard, close }
}

const silent = (replyId: string): LiveReply => ({ replyId, text: "", thoughts: 0 })

/** @returns whether followers have something new */
const take = (live: Live, piece: LivePiece): boolean => {
  if (piece._tag === "Text") return add(live, piece)
  live.thoughts++
  return true
}

const add = (live: Live, piece: TextPiece): boolean => {
  const before = live.text
  const left: Array<TextPiece> = []
  for (const one of [...live.beyond, { from: piece.from, text: piece.text }].toSorted((a, b) => a.from - b.from)) {
    const text = joined(live.text, one)
    if (text === undefined) left.push(one)
    else live.text = text
  }
  live.beyond = left.slice(0, keptPieces)
  return live.text !== before
}

const outcomes = new Set(["ReplyCompleted", "ReplyFailed", "ReplyInterrupted"])

const field = (data: unknown, name: string): unknown =>
  typeof data === "object" && data !== null ? Object.entries(data).find(([key]) => key === name)?.[1] : undefined

const replyIdOf = (event: RecordedEvent): string | undefined => {
  const replyId = field(event.data, "replyId")
  return typeof replyId === "string" ? replyId : undefined
}

const asksSomebody = (event: RecordedEvent): boolean => {
  const calls = field(event.data, "calls")
  return Array.isArray(calls) && calls.some((call) => field(call, "needsApproval") === true)
}

const weightOf = (event: RecordedEvent): number => {
  const text = field(event.data, "text")
  return 512 + (typeof text === "string" ? text.length * 2 : 0)
}
