import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import postgres from "postgres"
import { afterAll } from "vitest"
import { eventually } from "../../../../test/support/eventually.ts"
import { alive, readLock } from "./cluster.ts"
import { leasePostgres } from "./embedded.ts"
import { closedTo, installedPrograms } from "./placement.ts"

const checkout = fileURLToPath(new URL("../../../..", import.meta.url)).replace(/\/$/, "")
const script = join(checkout, "test/support/postgres-holder.ts")
const isRoot = process.getuid?.() === 0
const NOBODY = 65534

interface Line {
  readonly url?: string
  readonly pid?: number
  readonly error?: string
  readonly released?: boolean
  readonly progress?: string
}

const made: Array<string> = []
const children: Array<ChildProcess> = []
/** A home that any user may reach, owned by `uid`. */
const newHome = async (uid?: number): Promise<string> => {
  const directory = await fs.mkdtemp(join(tmpdir(), "signalbox-home-"))
  made.push(directory)
  if (uid !== undefined) await fs.chown(directory, uid, uid)
  return directory
}
afterAll(async () => {
  for (const child of children) if (child.exitCode === null) child.kill("SIGKILL")
  for (const directory of made) {
    for (const base of [join(directory, "postgres"), directory]) {
      const lock = await readLock(join(base, "data")).catch(() => undefined)
      if (lock !== undefined && alive(lock.pid) && lock.pid !== process.pid) process.kill(lock.pid, "SIGQUIT")
    }
    await fs.rm(directory, { recursive: true, force: true, maxRetries: 20 })
  }
})

/**
 * A checkout below a closed directory (/root, a CI's own) is not an ordinary user's to run: in a mount namespace of its own the
 * child sees it at an open place.
 */
const openCheckout = async (uid: number): Promise<{ readonly at: string; readonly prelude: string } | undefined> => {
  const user = { name: "nobody", uid, gid: uid }
  const closed = await Promise.all([process.execPath, script].map((path) => closedTo(path, user)))
  if (closed.every((one) => one === undefined)) return undefined
  const at = await fs.mkdtemp(join(tmpdir(), "signalbox-open-"))
  made.push(at)
  await fs.chmod(at, 0o755)
  return { at, prelude: `mount --bind '${checkout}' ${at}` }
}
const opened = isRoot ? await openCheckout(NOBODY) : undefined

interface HolderOptions {
  readonly programs?: string
  readonly system?: string
  readonly uid?: number
  /** Shell text put before the program. */
  readonly prelude?: string
}
const holder = (home: string, options: HolderOptions = {}) => {
  const { uid } = options
  const ordinary = uid === undefined ? undefined : opened
  const there = (path: string): string =>
    ordinary !== undefined && path.startsWith(`${checkout}/`) ? ordinary.at + path.slice(checkout.length) : path
  const rest = options.system === undefined ? [] : [options.programs ?? "", options.system]
  const argv = [
    there(script),
    home,
    ...(rest.length > 0 ? rest : options.programs === undefined ? [] : [options.programs])
  ]
  const program = [there(process.execPath), ...argv]
  const prelude = options.prelude ?? ordinary?.prelude
  // Who needs a mount is root until it is made.
  const as = uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"]
  const [file = "", ...args] =
    prelude === undefined ? program : ["unshare", "-m", "sh", "-c", `${prelude} && exec "$@"`, "sh", ...as, ...program]
  const child = spawn(file, args, {
    stdio: ["pipe", "pipe", "pipe"],
    ...(uid === undefined || prelude !== undefined ? {} : { uid, gid: uid }),
    ...(uid === undefined ? {} : { env: { PATH: process.env["PATH"] ?? "", HOME: home } })
  })
  children.push(child)
  const lines: Array<Line> = []
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)))
  let talk = ""
  child.stderr.on("data", (chunk: Buffer) => (talk += chunk.toString()))
  const find = (what: string, test: (line: Line) => boolean) =>
    eventually(
      what,
      () => {
        const found = lines.find(test)
        if (found === undefined && child.exitCode !== null && !lines.some((line) => line.error !== undefined))
          throw new Error(`the holder ended before: ${what}\n${talk}`)
        return found
      },
      300_000
    )
  return {
    child,
    lines,
    talk: () => talk,
    ready: () => find("a URL", (line) => line.url !== undefined) as Promise<{ url: string; pid: number }>,
    error: async () => (await find("an error", (line) => line.error !== undefined)).error ?? "",
    release: async () => {
      child.stdin.end()
      await eventually("the holder's end", () => child.exitCode !== null || child.signalCode !== null, 60_000)
    }
  }
}

const ask = async <A>(url: string, f: (sql: postgres.Sql) => Promise<A>): Promise<A> => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await f(sql)
  } finally {
    await sql.end()
  }
}
const insertRow = (url: string) =>
  ask(url, (sql) => sql`create table if not exists kept (n int)`.then(() => sql`insert into kept values (1)`))
const countRows = (url: string) =>
  ask(url, (sql) => sql`select count(*)::int as n from kept`.then((rows) => rows[0]?.["n"]))

describe("the embedded Postgres", () => {
  it("is one server for six starters at the same time, and the last one stops it", async () => {
    const home = await newHome()
    const holders = Array.from({ length: 6 }, () => holder(home))
    const got = await Promise.all(holders.map((each) => each.ready()))
    assert.strictEqual(new Set(got.map((each) => each.pid)).size, 1)
    assert.strictEqual(new Set(got.map((each) => each.url)).size, 1)
    const { url, pid } = got[0]!
    assert.match(url, /\/signalbox$/)
    await insertRow(url)
    const [fsync] = await ask(url, (sql) => sql`show fsync`)
    assert.strictEqual(fsync?.["fsync"], "on")
    await Promise.all(holders.slice(1).map((each) => each.release()))
    assert.isTrue(alive(pid))
    assert.strictEqual(await countRows(url), 1)
    await holders[0]!.release()
    assert.isUndefined(await readLock(join(home, "postgres/data")))
    await eventually("the server's end", () => !alive(pid))

    const again = holder(home)
    const second = await again.ready()
    assert.strictEqual(second.url, url, "the port is kept, so the URL is the same")
    assert.strictEqual(await countRows(second.url), 1)
    await again.release()
  })

  it("comes back at the same URL when its postmaster is killed, for every holder and their pools", async () => {
    const home = await newHome()
    const holders = [holder(home), holder(home)]
    const [{ url, pid }] = [await holders[0]!.ready(), await holders[1]!.ready()]
    const pool = postgres(url, { max: 2, onnotice: () => {}, backoff: () => 0.05 })
    await pool`select 1`
    process.kill(pid, "SIGKILL")
    await Promise.all(
      holders.map((each) => eventually("the holder to notice", () => each.talk().includes("is back"), 60_000))
    )
    const answer = await eventually("the pool to answer", () =>
      pool`select 1 as n`.then(
        (rows) => rows[0],
        () => undefined
      )
    )
    assert.strictEqual(answer["n"], 1)
    const lock = await readLock(join(home, "postgres/data"))
    assert.notStrictEqual(lock?.pid, pid)
    await pool.end()
    await holders[0]!.release()
    assert.isTrue(alive(lock?.pid ?? 0))
    await holders[1]!.release()
    assert.isUndefined(await readLock(join(home, "postgres/data")))
  })

  it("outlives a holder that is killed, and is adopted and stopped by the next", async () => {
    const home = await newHome()
    const first = holder(home)
    const { pid } = await first.ready()
    first.child.kill("SIGKILL")
    await eventually("the holder's end", () => first.child.signalCode !== null)
    assert.isTrue(alive(pid))
    const second = holder(home)
    assert.strictEqual((await second.ready()).pid, pid)
    await second.release()
    await eventually("the server's end", () => !alive(pid))
  })

  it("is stopped by a holder that is interrupted with Ctrl-C", async () => {
    const home = await newHome()
    const each = holder(home)
    const { pid } = await each.ready()
    each.child.kill("SIGINT")
    await eventually("the server's end", () => !alive(pid))
  })

  it("starts over a stale lock file whose pid belongs to another program now", async () => {
    const home = await newHome()
    const first = holder(home)
    await first.ready()
    await first.release()
    const file = join(home, "postgres/data/postmaster.pid")
    await fs.writeFile(file, `${process.pid}\n/nowhere\n1\n1\n\n127.0.0.1\n\nready   \n`)
    const second = holder(home)
    assert.notStrictEqual((await second.ready()).pid, process.pid)
    await second.release()
  })

  /** Programs whose initdb waits, like that of a slow disk, until the test opens the gate. */
  const slowPrograms = async () => {
    const slow = await fs.mkdtemp(join(tmpdir(), "signalbox-slow-"))
    made.push(slow)
    await fs.chmod(slow, 0o755)
    await fs.cp(installedPrograms(), slow, { recursive: true, verbatimSymlinks: true })
    await fs.rename(join(slow, "bin/initdb"), join(slow, "bin/initdb.real"))
    const gate = join(slow, "gate")
    const text = `#!/bin/sh\nuntil [ -e ${gate} ]; do :; done\nexec ${slow}/bin/initdb.real "$@"\n`
    await fs.writeFile(join(slow, "bin/initdb"), text, { mode: 0o755 })
    return { programs: slow, open: () => fs.writeFile(gate, "") }
  }
  const making = (each: ReturnType<typeof holder>) =>
    eventually("the message", () =>
      each.lines.some((line) => line.progress?.startsWith("Making the database") === true)
    )

  it("tells what it does on the first start when that takes long", async () => {
    const { programs, open } = await slowPrograms()
    const each = holder(await newHome(), { programs })
    await making(each)
    await open()
    assert.match((await each.ready()).url, /^postgres:/)
    await each.release()
  })

  it("leaves no server behind when Ctrl-C comes during the first start", async () => {
    const { programs, open } = await slowPrograms()
    const home = await newHome()
    const each = holder(home, { programs })
    await making(each)
    each.child.kill("SIGINT")
    await open()
    await eventually("the holder's end", () => each.child.exitCode !== null, 60_000)
    assert.strictEqual(each.child.exitCode, 130)
    assert.isUndefined(await readLock(join(home, "postgres/data")))
  })
})

describe("the embedded Postgres says in one sentence", () => {
  /** A home whose database was made and stopped. */
  const usedHome = async () => {
    const home = await newHome()
    const first = holder(home)
    const { url } = await first.ready()
    await first.release()
    return { home, port: new URL(url).port }
  }

  it("that its directory is of another major version", async () => {
    const { home } = await usedHome()
    await fs.writeFile(join(home, "postgres/data/PG_VERSION"), "17\n")
    assert.match(await holder(home).error(), /another version of Postgres \(.* is of 17, this program brings 18\)/)
  })

  it("why it does not stay up, with the end of its log", async () => {
    const { home } = await usedHome()
    await fs.appendFile(join(home, "postgres/data/postgresql.conf"), "\nshared_bufers = 1\n")
    assert.match(await holder(home).error(), /does not stay up.*unrecognized configuration parameter "shared_bufers"/s)
  })

  it("that its password is not the one in the home", async () => {
    const { home } = await usedHome()
    await fs.writeFile(join(home, "database-password"), "wrong\n")
    const each = holder(home)
    assert.include(await each.error(), `does not accept the password in ${join(home, "database-password")}`)
    await eventually("the server's end", async () => (await readLock(join(home, "postgres/data"))) === undefined)
  })

  it("that its programs are of another machine, or missing", async () => {
    const bin = await fs.mkdtemp(join(tmpdir(), "signalbox-arch-"))
    made.push(bin)
    await fs.chmod(bin, 0o755)
    for (const name of ["bin", "lib", "share"]) await fs.mkdir(join(bin, name))
    for (const name of ["bin/postgres", "bin/initdb"]) {
      const elf = Buffer.from(await fs.readFile(join(installedPrograms(), name)))
      elf.writeUInt16LE(0x16, 18) // e_machine: S/390
      await fs.writeFile(join(bin, name), elf, { mode: 0o755 })
    }
    assert.match(await holder(await newHome(), { programs: bin }).error(), /does not run on this machine/)
    assert.match(await holder(await newHome(), { programs: join(bin, "none") }).error(), /cannot be used|ENOENT/)
  })

  it("that another program has its port while running pools need it", async () => {
    const home = await newHome()
    const each = holder(home)
    const { url, pid } = await each.ready()
    const thief = createServer()
    process.kill(pid, "SIGSTOP") // nobody can restart it before the thief has the port
    process.kill(each.child.pid ?? 0, "SIGSTOP")
    process.kill(pid, "SIGKILL")
    await eventually(
      "the port",
      () =>
        new Promise<boolean>((resolve) => {
          thief.once("error", () => resolve(false))
          thief.listen(Number(new URL(url).port), "127.0.0.1", () => resolve(true))
        })
    )
    process.kill(each.child.pid ?? 0, "SIGCONT")
    await eventually("the loss", () => each.talk().includes("went away"))
    thief.close() // a thief that goes away is waited out
    await eventually("the return", () => each.talk().includes("is back"), 60_000)
    await each.release()
  })
})

describe("a port that stays taken", () => {
  it.live("ends the waiting with its number", () =>
    Effect.gen(function* () {
      const home = yield* Effect.promise(() => newHome())
      const thief = createServer()
      const port = yield* Effect.callback<number>((resume) => {
        thief.listen(0, "127.0.0.1", () => {
          const address = thief.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      })
      const error = yield* Effect.flip(leasePostgres({ home, timeoutMs: 8_000 }, port))
      thief.close()
      assert.match(error.message, new RegExp(`port ${port} is used by another program. Stop that program`))
    })
  )
})

describe.runIf(isRoot)("started by root", () => {
  it("works for a home and a checkout below a directory that is closed to others", async () => {
    const closed = await fs.mkdtemp(join(tmpdir(), "signalbox-closed-")) // mkdtemp makes it 0700
    const system = await fs.mkdtemp(join(tmpdir(), "signalbox-system-"))
    made.push(closed, system)
    await fs.chmod(system, 0o755)
    const programs = join(closed, "checkout/native")
    await fs.cp(installedPrograms(), programs, { recursive: true, verbatimSymlinks: true })
    await fs.rm(join(programs, "lib/libicuuc.so.60")) // as npm with ignore-scripts leaves it
    const home = join(closed, "home")
    const holders = [holder(home, { programs, system }), holder(home, { programs, system })]
    const [one, two] = await Promise.all(holders.map((each) => each.ready()))
    assert.strictEqual(one?.pid, two?.pid)
    await insertRow(one!.url)
    const base = await fs.realpath(join(home, "postgres"))
    assert.isTrue(base.startsWith(`${system}/`))
    assert.notStrictEqual((await fs.stat(join(base, "data"))).uid, 0)
    const copies = async () => (await fs.readdir(system)).filter((name) => name.startsWith("postgres-programs-"))
    assert.lengthOf(await copies(), 1)
    const copied = await fs.stat(join(system, (await copies())[0]!))
    await Promise.all(holders.map((each) => each.release()))
    const again = holder(home, { programs, system })
    assert.strictEqual(await countRows((await again.ready()).url), 1)
    await again.release()
    assert.lengthOf(await fs.readdir(system), 2, "one copy of the programs, one data directory, nothing half-made")
    assert.strictEqual((await fs.stat(join(system, (await copies())[0]!))).ino, copied.ino)

    await fs.rm(base, { recursive: true })
    assert.match(await holder(home, { programs, system }).error(), /which is gone/)
  })

  it("keeps the data below a home that can be reached, and the home closed to all but the server's group", async () => {
    const home = await newHome()
    const each = holder(home)
    await each.ready()
    await each.release()
    assert.isTrue((await fs.lstat(join(home, "postgres"))).isDirectory())
    assert.strictEqual((await fs.stat(home)).mode & 0o777, 0o710)
  })

  it("says that the disk is full, and leaves nothing half-made", async () => {
    const home = await newHome()
    const mount = `mount -t tmpfs -o size=12m,mode=0700 tmpfs ${home}`
    const each = holder(home, { prelude: mount })
    assert.match(await each.error(), /The disk is full/)
  })
})

describe.runIf(isRoot)("started by an ordinary user", () => {
  it("runs as that user, with all files below the home", async () => {
    const home = await newHome(NOBODY)
    const each = holder(home, { uid: NOBODY })
    const { url } = await each.ready()
    await insertRow(url)
    assert.strictEqual((await fs.stat(join(home, "postgres/data"))).uid, NOBODY)
    assert.strictEqual((await fs.stat(home)).mode & 0o777, 0o700)
    await each.release()
    assert.isUndefined(await readLock(join(home, "postgres/data")))
  })

  it("copies the programs into the home when their links are missing and the checkout is not his", async () => {
    const programs = await fs.mkdtemp(join(tmpdir(), "signalbox-checkout-"))
    made.push(programs)
    await fs.chmod(programs, 0o755)
    await fs.cp(installedPrograms(), programs, { recursive: true, verbatimSymlinks: true })
    await fs.rm(join(programs, "lib/libicuuc.so.60")) // as npm with ignore-scripts leaves it
    const home = await newHome(NOBODY)
    const each = holder(home, { uid: NOBODY, programs })
    assert.match((await each.ready()).url, /^postgres:/)
    await each.release()
    const copies = (await fs.readdir(home)).filter((name) => name.startsWith("postgres-programs-"))
    assert.lengthOf(copies, 1)
  })

  it("says that the home cannot be written, or belongs to somebody else", async () => {
    assert.match(await holder("/proc/none", { uid: NOBODY }).error(), /cannot be (stored|used)/)
    const home = await newHome()
    assert.match(await holder(home, { uid: NOBODY }).error(), /cannot be stored: .*permission denied/i)
  })
})
