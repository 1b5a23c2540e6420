/**
 * Messages between the two processes of one agent: JSON, one a line, over the unix socket.
 *
 * Owns: framing and its limit. Does not own: the messages (core's protocol).
 * Invariants: what does not fit ends the connection and never the process, however deep it is nested; a line that has no end within the
 * limit too.
 */
import type { Socket } from "node:net"
import { frameLimit } from "@signalbox/core/agent/protocol.ts"
import { Result, Schema } from "effect"
import { reasonOf } from "./trouble.ts"

/** What fits into a frame fits into a line, however long its numbers become when they are written out. */
const lineLimit = 8 * frameLimit

export const writeLine = (socket: Socket, message: unknown): void => {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`)
}

export const readLines = <A>(socket: Socket, schema: Schema.Codec<A, unknown>, use: (message: A) => void): void => {
  const decode = Schema.decodeUnknownResult(Schema.fromJsonString(schema))
  let parts: Array<Buffer> = []
  let size = 0
  socket.on("data", (part: Buffer) => {
    let from = 0
    for (let at = part.indexOf(10); at !== -1; at = part.indexOf(10, from)) {
      const line = Buffer.concat([...parts, part.subarray(from, at)]).toString("utf8")
      parts = []
      size = 0
      from = at + 1
      try {
        use(Result.getOrThrowWith(decode(line), (failure) => failure))
      } catch (cause) {
        socket.destroy(new Error(`a message does not fit: ${reasonOf(cause)}`))
        return
      }
    }
    if (from < part.length) {
      parts.push(part.subarray(from))
      size += part.length - from
    }
    if (size > lineLimit) socket.destroy(new Error(`a message is longer than ${lineLimit} bytes`))
  })
}
