/**
 * A file to which lines are added so that they are on the disk when the promise resolves.
 *
 * Owns: the order of writes, one sync for all that wait together, and the place of each line. Does not own: what a line says.
 * Invariants: a line is written at the end of the last good one, so that one which the disk took in part is overwritten by the next;
 * after a failure nothing later is on the disk without what came before.
 */
import * as fs from "node:fs/promises"
import { dirname } from "node:path"

export interface Place {
  readonly offset: number
  readonly length: number
}

export interface AppendFile {
  readonly append: (line: string) => Promise<Place>
  readonly read: (place: Place) => Promise<string>
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly bytes: Buffer
  readonly resolve: (place: Place) => void
  readonly reject: (cause: unknown) => void
}

/** @param end of what is good in it: the rest is cut off */
export const makeAppendFile = async (path: string, end: number): Promise<AppendFile> => {
  const file = await fs.open(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600)
  await file.truncate(end)
  await file.sync()
  const directory = await fs.open(dirname(path), "r")
  await directory.sync().finally(() => directory.close()) // the name is on the disk too

  let good = end
  let waiting: Array<Waiting> = []
  let flight: Promise<void> | undefined
  /** What a failed write left behind the last good line. */
  let litter = false

  const fly = async (): Promise<void> => {
    while (waiting.length > 0) {
      const now = waiting
      waiting = []
      const bytes = Buffer.concat(now.map((one) => one.bytes))
      try {
        if (litter) await file.truncate(good) // a shorter line would leave the rest of it behind itself
        litter = true
        await writeAll(file, bytes, good)
        await file.datasync()
        litter = false
        for (const one of now) {
          one.resolve({ offset: good, length: one.bytes.length - 1 })
          good += one.bytes.length
        }
      } catch (cause) {
        await file.truncate(good).then(
          () => (litter = false),
          () => undefined // the next write tries it again, and fails without it
        )
        for (const one of now) one.reject(cause)
      }
    }
    flight = undefined
  }
  return {
    append: (line) =>
      new Promise((resolve, reject) => {
        waiting.push({ bytes: Buffer.from(line), resolve, reject })
        flight ??= fly()
      }),
    read: async ({ offset, length }) => {
      const bytes = Buffer.alloc(length)
      await file.read(bytes, 0, length, offset)
      return bytes.toString("utf8")
    },
    close: async () => {
      await flight
      await file.close()
    }
  }
}

const writeAll = async (file: fs.FileHandle, bytes: Buffer, offset: number): Promise<void> => {
  let written = 0
  while (written < bytes.length)
    written += (await file.write(bytes, written, bytes.length - written, offset + written)).bytesWritten
}
