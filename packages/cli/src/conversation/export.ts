/**
 * `conversation export` and `import`: conversations as files.
 *
 * Invariants: an export is written piece by piece and takes its place only when it is whole; an export of JSON that is imported
 * gives the same conversation.
 */
import { randomUUID } from "node:crypto"
import { createWriteStream } from "node:fs"
import { open, rename, rm, stat } from "node:fs/promises"
import { finished } from "node:stream/promises"
import { Effect, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { Said } from "@signalbox/core/api/conversations.ts"
import type { ExportFormat } from "@signalbox/core/conversation/export.ts"
import { writeBytes } from "../client/bytes.ts"
import { withConnection } from "../client/HubConnection.ts"
import { bytesOf, rawHub } from "../client/raw.ts"
import { answer, cannotTell, failed } from "../output.ts"

const path = (conversationId: string, format: ExportFormat) =>
  `${streams.conversationExport(encodeURIComponent(conversationId))}?format=${format}`

/** To stdout, or to a file. */
export const exported = (conversationId: string, format: ExportFormat, file: string | undefined) =>
  withConnection(
    Effect.gen(function* () {
      if (file === undefined)
        return yield* Effect.flatMap(rawHub(path(conversationId, format)), (response) =>
          Stream.runForEach(bytesOf(response), writeBytes)
        )
      yield* fetchExport(conversationId, format, file)
      yield* answer({ conversationId, format, file }, () => `${file} is written.`)
    })
  )

/** Written beside its place first: an export that was cut leaves no half file and what was there before. */
export const fetchExport = Effect.fnUntraced(function* (conversationId: string, format: ExportFormat, file: string) {
  const response = yield* rawHub(path(conversationId, format))
  const part = `${file}.${randomUUID().slice(0, 8)}.part`
  const cannot = (cause: unknown) =>
    failed(`${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}.`)
  yield* Effect.acquireUseRelease(
    Effect.tryPromise({
      try: async () => {
        const handle = await open(part, "wx", 0o600)
        return createWriteStream(part, { fd: handle, autoClose: true })
      },
      catch: cannot
    }),
    (sink) =>
      Effect.gen(function* () {
        yield* Stream.runForEach(bytesOf(response), (bytes) =>
          Effect.tryPromise({
            try: () =>
              new Promise<void>((resolve, reject) =>
                sink.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error)))
              ),
            catch: cannot
          })
        )
        yield* Effect.tryPromise({
          try: async () => {
            sink.end()
            await finished(sink)
            await rename(part, file)
          },
          catch: cannot
        })
      }),
    (sink) =>
      Effect.promise(async () => {
        sink.destroy()
        await rm(part, { force: true })
      })
  )
})

const largest = 32 * 1024 * 1024

export const imported = (file: string) =>
  withConnection(
    Effect.gen(function* () {
      const text = yield* Effect.tryPromise({
        try: async () => {
          const { size } = await stat(file)
          if (size > largest) throw new Error(`it is larger than ${largest / 1024 / 1024} MiB`)
          const handle = await open(file)
          try {
            return await handle.readFile("utf8")
          } finally {
            await handle.close()
          }
        },
        catch: (cause) =>
          cannotTell(
            cause instanceof Error && "code" in cause
              ? cause.code === "ENOENT"
                ? `There is no file ${file}.`
                : `The file ${file} cannot be read (${String(cause.code)}).`
              : `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`
          )
      })
      const response = yield* rawHub(`${streams.conversationImport}?commandId=${randomUUID()}`, {
        method: "POST",
        body: text,
        headers: { "content-type": "application/json" }
      })
      const body: unknown = yield* Effect.promise(() => response.json().catch(() => undefined))
      const said = yield* Schema.decodeUnknownEffect(Said)(body).pipe(
        Effect.mapError(() => cannotTell("The hub's answer was not understood. Are both of the same version?"))
      )
      yield* answer(said, () => said.conversationId)
    })
  )
