/**
 * Brings a conversation into the order that every provider takes.
 *
 * Owns: pairing calls with results, dropping what is empty, the first word. Does not own: wire formats.
 * Invariants: pure; every call is followed by its result before anybody else speaks; no text is blank; a user speaks first;
 * provider-private data stays only for the provider and model that made it.
 */
import { createHash } from "node:crypto"
import type { Schema } from "effect"
import type { ModelMessage } from "@signalbox/core/model/message.ts"
import { modelOf, providerOf } from "@signalbox/core/model/ref.ts"

export type Assistant = Extract<ModelMessage, { readonly role: "assistant" }>
export type Result = Extract<ModelMessage, { readonly role: "tool" }>

export type Turn =
  | { readonly role: "user"; readonly texts: ReadonlyArray<string> }
  | { readonly role: "assistant"; readonly message: Assistant }
  | { readonly role: "tool"; readonly results: ReadonlyArray<Result> }

const UNANSWERED = "This call was not answered."
const OPENING = "(What was said before is left out.)"

export const tidy = (messages: ReadonlyArray<ModelMessage>): ReadonlyArray<Turn> => {
  const turns: Array<Turn> = []
  const results = new Map(messages.flatMap((message) => (message.role === "tool" ? [[message.callId, message]] : [])))
  for (const message of messages) {
    const last = turns.at(-1)
    if (message.role === "user") {
      if (message.text.trim() === "") continue
      if (last?.role === "user") turns[turns.length - 1] = { role: "user", texts: [...last.texts, message.text] }
      else turns.push({ role: "user", texts: [message.text] })
    } else if (message.role === "assistant") {
      const text = message.text.trim() === "" ? "" : message.text.trimEnd()
      if (text === "" && message.calls.length === 0) continue
      if (turns.length === 0) turns.push({ role: "user", texts: [OPENING] })
      if (last?.role === "assistant") {
        // it had no calls, or their results would stand between
        const joined = [last.message.text, text].filter((part) => part !== "").join("\n\n")
        turns[turns.length - 1] = { role: "assistant", message: { ...message, text: joined } }
      } else turns.push({ role: "assistant", message: { ...message, text } })
      if (message.calls.length > 0)
        turns.push({
          role: "tool",
          results: message.calls.map(
            (call): Result =>
              results.get(call.callId) ?? {
                role: "tool",
                callId: call.callId,
                name: call.name,
                text: UNANSWERED,
                isError: true
              }
          )
        })
    }
  }
  return turns
}

/** Ids of other providers in a form that all of them take. */
export const wireId = (callId: string): string =>
  /^[\w-]{1,40}$/u.test(callId) ? callId : `call_${createHash("sha256").update(callId).digest("hex").slice(0, 24)}`

/** `native.data` of a message, when the same model of the same provider wrote it. */
export const nativeOf = (message: Assistant, ref: string): Schema.Json | undefined => {
  const native = message.native
  if (native === undefined || native.provider !== providerOf(ref)) return undefined
  const { data } = native
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined
  return "model" in data && data["model"] === modelOf(ref) ? data : undefined
}
