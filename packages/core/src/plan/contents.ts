/**
 * Contents of plans: free text and secrets that commands carry and that the log must not hold.
 *
 * Owns: the table `plan.content`, what stands for a content in a plan, putting it back when a command is sent, how long it is kept. Does not
 * own: what is a content (`masking.ts`), when a plan is refused for one that is missing (`Plans.ts`, worker's `run.ts`).
 * Invariants: the row is there before the event that names it, and is what its SHA-256 says or is not used; the hash is over a salt that
 * lies in the row alone, so that nothing can be guessed from the log once the row is deleted; a row may be deleted at any time, and then
 * nothing is carried out with what stands for it.
 */
import { createHash, randomBytes } from "node:crypto"
import { Effect, Schema } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"
import { shownArgs } from "./masking.ts"
import type { Plan, Step } from "./plan.ts"

const keptDays = 7

export interface Content {
  readonly sha256: string
  readonly salt: string
  readonly text: string
}

/** The content that a plan names is not there any more, or is not what it was. */
export class ContentMissing extends Schema.TaggedError<ContentMissing>()("ContentMissing", {
  planId: Schema.String,
  action: Schema.String,
  argument: Schema.String
}) {
  override get message(): string {
    return `The ${this.argument} of ${this.action} in ${this.planId} was deleted or changed since it was proposed, so it cannot be carried out. Give the instruction again.`
  }
}

export const contentHash = (salt: string, text: string): string =>
  createHash("sha256").update(`${salt}\n${text}`).digest("hex")

/** The plan as the log may hold it, and what has to lie beside the log for it. */
export const stow = (plan: Plan): { readonly plan: Plan; readonly contents: ReadonlyArray<Content> } => {
  const contents: Array<Content> = []
  const steps = plan.steps.map((step): Step => {
    const { args, instead } = shownArgs(step.action, step.args)
    if (instead.size === 0) return { ...step, args }
    const named = [...instead].map(([name, text]) => {
      const salt = randomBytes(16).toString("hex")
      const content = { sha256: contentHash(salt, text), salt, text }
      contents.push(content)
      return [name, { sha256: content.sha256, bytes: Buffer.byteLength(text) }] as const
    })
    return { ...step, args, contents: Object.fromEntries(named) }
  })
  return { plan: { ...plan, steps }, contents }
}

export const keepContents = (planId: string, contents: ReadonlyArray<Content>): Effect.Effect<void, DbError, Db> =>
  contents.length === 0
    ? Effect.void
    : Effect.flatMap(Db, (db) =>
        db.query(
          "keep contents",
          (sql) => sql`
            insert into plan.content (sha256, plan_id, salt, content)
            select sha256, ${planId}, salt, text
            from json_to_recordset(${JSON.stringify(contents)}::text::json) as r (sha256 text, salt text, text text)
            on conflict (sha256) do nothing`
        )
      ).pipe(Effect.asVoid)

type Named = Pick<Step, "action" | "args" | "contents">

/** What the agent is sent: the arguments with the contents in them. */
export const argsWithContents = (
  planId: string,
  { action, args, contents = {} }: Named
): Effect.Effect<Step["args"], DbError | ContentMissing, Db> =>
  Effect.gen(function* () {
    const names = Object.entries(contents)
    if (names.length === 0) return args
    const rows = yield* find(
      planId,
      names.map(([, { sha256 }]) => sha256)
    )
    const whole: Record<string, Schema.Json> = { ...args }
    for (const [argument, { sha256 }] of names) {
      const row = rows.find((one) => one.sha256 === sha256)
      if (row === undefined || contentHash(row.salt, row.text) !== sha256)
        return yield* new ContentMissing({ planId, action, argument })
      whole[argument] = row.text
    }
    return whole
  })

const find = (planId: string, hashes: ReadonlyArray<string>) =>
  Effect.flatMap(Db, (db) =>
    db.query(
      "read contents",
      (sql) => sql<Content[]>`
        select sha256, salt, content as text from plan.content where plan_id = ${planId} and sha256 in ${sql(hashes)}`
    )
  )

/** The first content that cannot be carried out any more; looked at one step after the other, for contents may be large. */
export const missingContent = (
  planId: string,
  steps: ReadonlyArray<Named>
): Effect.Effect<ContentMissing | undefined, DbError, Db> =>
  Effect.gen(function* () {
    for (const step of steps) {
      const found = yield* Effect.result(argsWithContents(planId, step))
      if (found._tag === "Success") continue
      if (found.failure._tag === "ContentMissing") return found.failure
      return yield* Effect.fail(found.failure)
    }
    return undefined
  })

/** What plans that are over left a week ago. */
export const forgetOldContents: Effect.Effect<void, DbError, Db> = Effect.flatMap(Db, (db) =>
  Effect.asVoid(
    db.query(
      "forget old contents",
      (sql) => sql`
        delete from plan.content as c where c.at < now() - ${keptDays} * interval '1 day' and not exists (
          select from read.plan as p where p.id = c.plan_id and p.status in ('asked', 'proposed', 'approved', 'running'))`
    )
  )
)
