/** One message per line, for programs. Pure. Notes (a change of the model, a new title) are no messages and are left out. */
import type { TranscriptEntry } from "./transcript.ts"

export const messageLine = (conversationId: string, entry: TranscriptEntry): string => {
  const line = fieldsOf(entry)
  return line === undefined ? "" : `${JSON.stringify({ conversationId, version: entry.version, ...line })}\n`
}

const fieldsOf = (entry: TranscriptEntry): object | undefined => {
  switch (entry.kind) {
    case "message":
      return { role: "user", at: entry.at, actor: entry.actor, text: entry.text, attachments: entry.attachments }
    case "copied":
      return {
        nth: entry.nth,
        role: entry.role,
        at: entry.at,
        ...(entry.model === null ? {} : { model: entry.model }),
        text: entry.text,
        attachments: entry.attachments
      }
    case "reply":
      return {
        role: "assistant",
        at: entry.endedAt ?? entry.at,
        replyId: entry.replyId,
        model: entry.model,
        status: entry.status,
        superseded: entry.superseded,
        text: [...entry.steps.map((step) => step.text), entry.text].filter((part) => part !== "").join("\n\n"),
        tools: entry.steps.flatMap((step) => step.calls),
        failure: entry.failure,
        calls: entry.calls
      }
    case "summary":
      return {
        role: "summary",
        at: entry.at,
        model: entry.call.model,
        fromVersion: entry.fromVersion,
        throughVersion: entry.throughVersion,
        text: entry.text,
        calls: [entry.call]
      }
    case "note":
      return undefined
  }
}
