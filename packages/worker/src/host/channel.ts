/**
 * One command on one SSH connection.
 *
 * Owns: making a command safe for any login shell, opening the channel (again when the server has no free session), ending it.
 * Does not own: the connection, collecting output (`process.ts`).
 * Invariants: the login shell (bash, fish, tcsh) sees only one line of harmless characters; a refused channel has run nothing.
 */
import { randomBytes } from "node:crypto"
import { Effect } from "effect"
import type { Channel, ClientChannel } from "ssh2"
import type { Connection } from "./dial.ts"
import type { Ended, Running } from "./process.ts"
import { HostUnreachable } from "./Transport.ts"

/** From 132 kB on bash says "Argument list too long", at 300 kB sshd drops the whole connection. */
const maxCommand = 100_000
/** In the environment of what we started, so that it is found again. `launch.sh` takes it away from tmux. */
const markName = "SIGNALBOX_CALL"

/** `command` for /bin/sh, as one word that every login shell reads alike: all that is special to any of them goes as octal. */
export const forAnyLoginShell = (command: string, mark?: string): string => {
  const safe = Buffer.from(command, "utf8").reduce(
    (text, byte) =>
      text +
      (/[A-Za-z0-9 _./=:,@+-]/u.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `\\${byte.toString(8).padStart(3, "0")}`),
    ""
  )
  // The x keeps printf from reading a leading dash, and $() from eating last newlines is harmless in a script.
  const env = mark === undefined ? "" : `env ${markName}=${mark} `
  return `exec ${env}/bin/sh -c 'c=$(printf "x${safe}"); eval "\${c#x}"'`
}

export const openChannel = (connection: Connection, command: string): Effect.Effect<Running, HostUnreachable> => {
  const mark = randomBytes(8).toString("hex")
  const line = forAnyLoginShell(command, mark)
  if (line.length > maxCommand)
    return Effect.die(new Error(`a command of ${line.length} bytes is too long for ssh: send it as input`))
  const attempt = (waitMs: number): Effect.Effect<ClientChannel, HostUnreachable> =>
    Effect.catch(request(connection, line, mark), (message) =>
      !/Channel open failure/u.test(message)
        ? Effect.fail(new HostUnreachable({ host: connection.host, reason: connection.lost() ?? message }))
        : waitMs > 2_000
          ? Effect.fail(
              new HostUnreachable({
                host: connection.host,
                reason: "it gives no further session (MaxSessions of sshd)"
              })
            )
          : // An ended session counts a little longer on the server.
            Effect.andThen(Effect.sleep(waitMs), attempt(waitMs * 2))
    )
  return Effect.map(attempt(20), (channel) => asRunning(connection, channel, mark))
}

const request = (connection: Connection, line: string, mark: string): Effect.Effect<ClientChannel, string> =>
  Effect.callback((resume) => {
    const lost = connection.lost()
    if (lost !== undefined) return void resume(Effect.fail(lost))
    let abandoned = false
    const forget = connection.onLost((reason) => resume(Effect.fail(reason)))
    const settle = (result: Effect.Effect<ClientChannel, string>): void => {
      forget()
      resume(result)
    }
    try {
      connection.client.exec(line, (error, channel) => {
        if (error !== undefined) settle(Effect.fail(error.message))
        else if (abandoned) end(connection, channel, mark)
        else settle(Effect.succeed(channel))
      })
    } catch (error) {
      settle(Effect.fail(error instanceof Error ? error.message : String(error)))
    }
    return Effect.sync(() => {
      abandoned = true
      forget()
    })
  })

const asRunning = (connection: Connection, channel: ClientChannel, mark: string): Running => {
  let ended: Ended | undefined
  let tell: ((end: Ended) => void) | undefined
  let code: number | undefined
  let signal: string | undefined
  const finish = (end: Ended): void => {
    if (ended !== undefined) return
    ended = end
    forget()
    tell?.(end)
  }
  const forget = connection.onLost((reason) => finish({ code: undefined, signal: undefined, lost: reason }))
  channel
    .on("exit", (status: number | null, name?: string) => {
      if (status === null) signal = name?.replace(/^SIG/u, "")
      else code = status
    })
    .on("error", () => undefined)
    .on("close", () => {
      if (code !== undefined || signal !== undefined) return finish({ code, signal })
      // sshd tells every end; silence means that the connection is about to be reported as gone.
      const timer = setTimeout(() => finish({ code, signal, lost: connection.lost() }), 200)
      connection.onLost((reason) => {
        clearTimeout(timer)
        finish({ code, signal, lost: reason })
      })
    })
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    onEnd: (listener) => {
      if (ended === undefined) tell = listener
      else listener(ended)
    },
    stop: () => {
      if (ended === undefined) end(connection, channel, mark)
    }
  }
}

/**
 * A closed channel ends only a process that writes, and sshd takes no signals for root: so a second command looks for the mark.
 * Without a free session the process lives until it writes.
 */
const end = (connection: Connection, channel: Channel, mark: string): void => {
  channel.resume()
  channel.close()
  if (connection.lost() !== undefined) return
  const search =
    `for f in /proc/[0-9]*/environ; do q=\${f#/proc/}; q=\${q%/environ}; ` +
    `tr '\\0' '\\n' <"$f" 2>/dev/null | grep -qx "${markName}=${mark}" && kill -s TERM "$q"; done 2>/dev/null`
  try {
    connection.client.exec(forAnyLoginShell(search), (error, killer) => {
      if (error === undefined)
        killer
          .on("error", () => undefined)
          .resume()
          .stderr.resume()
    })
  } catch {
    // The connection broke in this very moment.
  }
}
