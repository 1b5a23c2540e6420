/**
 * A database that does not answer: people hear of it within seconds, whatever their request waits for.
 *
 * Owns: the question whether it answers, asked on a connection of its own and only while a request waits for longer than usual,
 * and the 503 that takes such a request's place. Does not own: retries of appends (the log's batcher goes on with what is in the
 * air), streams that have begun.
 * Invariants: a request that is only slow is left alone; a restart of a second is not noticed, and a busy machine is no
 * outage; what may have been done is not said to have failed.
 */
import { Clock, Context, Effect, Fiber, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse, ProblemDetails } from "effect/http"
import { connect, Db, type DbError, toDbError } from "@signalbox/core/postgres/Db.ts"

/** A request that takes longer makes us ask. */
const usualMs = 500
const pause = "250 millis"
/** Refused for so long is an outage: a restart is over by then. */
const refusedMs = 1_000
/** No answer for so long is one, if we have had so many turns meanwhile: on a busy machine our own clock runs ahead of us. */
const silentMs = 2_000
const silentTurns = 7
/** Nobody asked for so long: what was known then is forgotten. */
const forgetMs = 5_000

export class Outage extends Context.Service<
  Outage,
  {
    /** Suspends until the database has been known to be away while this waited. */
    readonly noticed: Effect.Effect<DbError>
  }
>()("@signalbox/hub/edge/Outage") {
  static readonly layer: Layer.Layer<Outage, never, Db> = Layer.effect(
    Outage,
    Effect.gen(function* () {
      const db = yield* Db
      const waiting = new Set<{ readonly since: number; readonly tell: (error: DbError) => void }>()
      let wake: (() => void) | undefined
      const somebody = Effect.callback<void>((resume) => {
        if (waiting.size > 0) resume(Effect.void)
        else wake = () => resume(Effect.void)
      })
      const questions = yield* makeQuestions(db.url)
      let question: Question | undefined
      let away: { readonly since: number; readonly asked: number } | undefined
      const look = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const late = [...waiting].filter((one) => now - one.since >= usualMs)
        if (late.length === 0) return
        const tell = (error: DbError) => late.forEach((one) => one.tell(error))
        question ??= { asked: now, turns: 0, answer: questions.ask() }
        const { asked, answer } = question
        const turns = question.turns++
        const told = answer.now()
        if (told === undefined) {
          if (now - asked < silentMs || turns < silentTurns) return
          question = undefined
          questions.startAnew()
          return tell(silence)
        }
        question = undefined
        if (told === "answered") {
          away = undefined
          return
        }
        away = { since: away === undefined || asked - away.asked > forgetMs ? asked : away.since, asked }
        if (now - away.since >= refusedMs) tell(told)
      })
      yield* somebody.pipe(Effect.andThen(look), Effect.andThen(Effect.sleep(pause)), Effect.forever, Effect.forkScoped)
      const noticed = Effect.flatMap(Clock.currentTimeMillis, (since) =>
        Effect.callback<DbError>((resume) => {
          const one = {
            since,
            tell: (error: DbError) => {
              waiting.delete(one)
              resume(Effect.succeed(error))
            }
          }
          waiting.add(one)
          wake?.()
          return Effect.sync(() => waiting.delete(one))
        })
      )
      return Outage.of({ noticed })
    })
  )
}

interface Question {
  readonly asked: number
  turns: number
  readonly answer: { readonly now: () => "answered" | DbError | undefined }
}

const silence = toDbError("answer", Object.assign(new Error("it does not answer"), { code: "ETIMEDOUT" }))

/** On a connection of its own, made before it is needed: the pool's may all wait, and on a busy machine a new one takes seconds. */
const makeQuestions = (url: string) =>
  Effect.gen(function* () {
    const open = () => connect(url, { max: 1, name: "signalbox-outage" })
    let sql = open()
    yield* Effect.addFinalizer(() => Effect.promise(() => sql.end({ timeout: 1 })))
    const ask = (): Question["answer"] => {
      let told: "answered" | DbError | undefined
      sql`select 1`.then(
        () => (told = "answered"),
        (cause: unknown) => {
          const error = toDbError("answer", cause)
          told = error.transient ? error : "answered"
        }
      )
      return { now: () => told }
    }
    ask()
    return {
      ask,
      startAnew: () => {
        void sql.end({ timeout: 0 }).catch(() => {})
        sql = open()
      }
    }
  })

/** Answers in place of a request that waits for a database which is away. */
export const answerOutages = Layer.unwrap(
  Effect.map(Outage, (outage) =>
    HttpRouter.middleware(
      (handler) =>
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          // A WebSocket lives as long as it likes, and a status would be written into the middle of it.
          if (request.headers["upgrade"] !== undefined) return yield* handler
          // Not waited for when it is left: what it waits for does not answer.
          const fiber = yield* Effect.forkDetach(Effect.interruptible(handler), { startImmediately: true })
          const away = Effect.map(outage.noticed, (error) => unavailable(error, request.method))
          // A client that goes, or a hub that stops, ends the waiting: the router runs middleware where nothing else would.
          return yield* Effect.interruptible(Effect.raceFirst(Fiber.join(fiber), away)).pipe(
            Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
          )
        }),
      { global: true }
    )
  )
)

const unavailable = (error: DbError, method: string): HttpServerResponse.HttpServerResponse => {
  const asked = method === "GET" || method === "HEAD"
  const detail = asked
    ? error.message
    : `The database is not reachable (${error.reason}), so nobody can tell yet whether this was done. Look when it is back: signalbox db status`
  return ProblemDetails.toResponse({
    type: "urn:signalbox:unavailable",
    status: 503,
    title: "Not available now",
    detail
  })
}
