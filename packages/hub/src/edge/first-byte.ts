/**
 * Telling TLS from plain text by the first byte that a client sends.
 *
 * Owns: the look. Does not own: what is done then.
 * Invariant: the byte stays in the stream: whoever reads next reads from the beginning.
 */
import type { Socket } from "node:net"

/** The first byte of a TLS record that begins a handshake. */
export const clientHello = 0x16

/**
 * @param waitMs how long a client may say nothing
 * @param found called once: the byte, undefined when nothing came in time, or "gone"
 * @returns gives up waiting without a word
 */
export const firstByte = (
  socket: Socket,
  waitMs: number,
  found: (byte: number | undefined | "gone") => void
): (() => void) => {
  const done = (byte: number | undefined | "gone"): void => {
    stop()
    found(byte)
  }
  const look = (): void => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return socket.readableEnded || socket.destroyed ? done("gone") : undefined
    socket.unshift(chunk)
    done(chunk[0])
  }
  const left = (): void => done("gone")
  const timer = setTimeout(() => done(undefined), waitMs)
  const stop = (): void => {
    clearTimeout(timer)
    socket.off("readable", look)
    socket.off("end", left)
    socket.off("close", left)
  }
  socket.on("readable", look)
  socket.once("end", left)
  socket.once("close", left)
  return stop
}
