/** The line protocol as people use it: the built command, a hub and a worker of its own, plain `nc`, a terminal. */
import { execFile, spawn } from "node:child_process"
import { readdir, readFile, writeFile } from "node:fs/promises"
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { connect } from "node:tls"
import { promisify } from "node:util"
import { Effect, Exit, Cause, Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { freshDatabase } from "../../../../test/support/database.ts"
import { lineClient } from "../../../../test/support/line-client.ts"
import { Pane } from "../../../../test/support/pane.ts"
import { reply } from "../../../../test/support/providers/script.ts"
import { type StandIn, startProvider } from "../../../../test/support/providers/stand-in.ts"
import { freePort } from "../../../../test/support/free-port.ts"
import {
  dispose,
  type Home,
  makeHome,
  type Ran,
  ready,
  signalbox,
  signalboxWith,
  start,
  until
} from "../../../../test/support/signalbox.ts"
import { dialPlain, dialTls, Patience } from "./dial.ts"

const root = fileURLToPath(new URL("../../../..", import.meta.url))
const program = join(root, "packages/cli/bin/signalbox.mjs")
const Cert = Schema.Struct({
  fingerprint: Schema.String,
  names: Schema.Array(Schema.String),
  expiresAt: Schema.String,
  directory: Schema.String
})
const hubFile = async (
  home: Home
): Promise<{ bridge: { port: number; tls: boolean; host: string; fingerprint?: string } }> =>
  JSON.parse(await readFile(join(home.path, "home", "hub.json"), "utf8"))

/** The fingerprint that a new connection is shown. */
const shownAt = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.once("error", reject)
  })

/** Something that is not a bridge. */
const stranger = async (talk: (socket: Socket) => void) => {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => socket.destroy())
    talk(socket)
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    }
  }
}

/** What `nc` shows, and how long it stays. */
const nc = (port: number, args: ReadonlyArray<string>, input: string, keepOpen = false): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn("nc", [...args, "127.0.0.1", String(port)], { stdio: ["pipe", "pipe", "inherit"] })
    let out = ""
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000)
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString()
      if (out.endsWith("Goodbye.\n")) child.stdin.end() // it would wait for its own input otherwise
    })
    child.stdin.on("error", () => {})
    child.once("error", reject)
    child.once("close", (_, signal) => {
      clearTimeout(timer)
      if (signal === null) resolve(out)
      else reject(new Error(`nc did not end: ${out}`))
    })
    if (keepOpen) child.stdin.write(input)
    else child.stdin.end(input)
  })

describe("cert", () => {
  it("makes one, shows it, replaces it only when told, and refuses what is no name", async () => {
    const home = await makeHome()
    try {
      const none = await signalbox(home, "cert", "--show")
      assert.deepStrictEqual([none.code, none.stdout], [1, ""])
      assert.include(none.stderr, "There is no certificate")
      const made = (await signalbox(home, "cert", "--name", "box.example.com", "--name", "192.0.2.7", "--json")).json(
        Cert
      )
      assert.includeMembers([...made.names], ["box.example.com", "192.0.2.7", "localhost", "127.0.0.1", "::1"])
      const told = await promisify(execFile)("openssl", [
        "x509",
        "-in",
        join(made.directory, "cert.pem"),
        "-noout",
        "-fingerprint",
        "-sha256",
        "-ext",
        "subjectAltName"
      ])
      assert.include(told.stdout, `Fingerprint=${made.fingerprint}`)
      assert.include(told.stdout, "DNS:box.example.com, IP Address:192.0.2.7")
      const shown = await signalbox(home, "cert", "--show")
      assert.include(shown.stdout, `fingerprint  ${made.fingerprint}`)
      const again = await signalbox(home, "cert")
      assert.deepStrictEqual([again.code, again.stdout], [1, ""])
      assert.include(again.stderr, "cert --replace")
      const replaced = (await signalbox(home, "cert", "--replace", "--days", "3", "--json")).json(Cert)
      assert.notStrictEqual(replaced.fingerprint, made.fingerprint)
      assert.isBelow(Date.parse(replaced.expiresAt) - Date.now(), 3 * 86_400_000 + 1)
      for (const bad of ["a b", "", "http://x", "ä"]) {
        const refused = await signalbox(home, "cert", "--replace", "--name", bad)
        assert.deepStrictEqual([refused.code, refused.stdout], [2, ""], bad)
        assert.include(refused.stderr, "neither a DNS name nor an address")
      }
      assert.include((await signalbox(home, "cert", "--days", "0")).stderr, "1 to 36500")
      assert.strictEqual(
        (await signalbox(home, "cert", "--show", "--json")).json(Cert).fingerprint,
        replaced.fingerprint
      )
    } finally {
      await dispose(home)
    }
  })

  it("that was killed in the middle of --replace leaves the pair that there was, for every command that comes", async () => {
    const home = await makeHome()
    try {
      const made = (await signalbox(home, "cert", "--json")).json(Cert)
      const hook = join(home.path, "die.mjs")
      await writeFile(
        hook,
        `import fs from "node:fs/promises"
         import { syncBuiltinESMExports } from "node:module"
         const rename = fs.rename
         fs.rename = async (from, to) => {
           await rename(from, to)
           if (to.endsWith(".old")) process.kill(process.pid, "SIGKILL")
         }
         syncBuiltinESMExports()`
      )
      const env = { NODE_OPTIONS: `--import ${hook}` }
      const killed = await signalboxWith(home, { env }, "cert", "--replace")
      assert.deepStrictEqual([killed.code, killed.stdout], [null, ""], killed.stderr)
      const around = dirname(made.directory)
      assert.notInclude(await readdir(around), "tls") // it is between its steps
      const shown = (await signalbox(home, "cert", "--show", "--json")).json(Cert)
      assert.strictEqual(shown.fingerprint, made.fingerprint)
      const replaced = (await signalbox(home, "cert", "--replace", "--json")).json(Cert)
      assert.notStrictEqual(replaced.fingerprint, made.fingerprint)
      assert.deepStrictEqual(
        (await readdir(around)).filter((name) => name.startsWith("tls")),
        ["tls"]
      )
    } finally {
      await dispose(home)
    }
  })
})

describe("reaching a bridge", () => {
  const dialed = async (port: number, tls: boolean, patience = 60_000): Promise<string> => {
    const place = { host: "127.0.0.1", port }
    const dial: Effect.Effect<unknown, { readonly message: string; readonly code: number }> = tls
      ? dialTls(place)
      : dialPlain(place)
    const exit = await Effect.runPromiseExit(Effect.provideService(dial, Patience, patience))
    if (Exit.isSuccess(exit)) return "reached"
    const error = Cause.squash(exit.cause)
    return error instanceof Error ? error.message : String(error)
  }

  it("takes so long at most as its patience, and says what it met instead", async () => {
    const silent = await stranger(() => {})
    const talks = await stranger((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"))
    const leaves = await stranger((socket) => socket.end())
    try {
      assert.match(await dialed(silent.port, true, 300), /did not answer within 0\.3 s/u)
      assert.match(await dialed(talks.port, true), /does not speak TLS .*--plain may do/u)
      assert.match(await dialed(leaves.port, true), /closed the connection|failed \(ECONNRESET\)|does not speak TLS/u)
      assert.match(await dialed(await freePort(), true), /Nothing listens at 127\.0\.0\.1:\d+/u)
      assert.strictEqual(await dialed(silent.port, false), "reached")
    } finally {
      for (const one of [silent, talks, leaves]) await one.stop()
    }
  })
})

describe("the bridge of a running hub", () => {
  let home: Home
  let openai: StandIn
  let port: number
  const connect = (input: string, ...args: ReadonlyArray<string>): Promise<Ran> =>
    signalboxWith(home, { input }, "bridge", "connect", ...args)

  beforeAll(async () => {
    openai = await startProvider("openai")
    home = await makeHome({ database: await freshDatabase(), env: { ...openai.env, SIGNALBOX_MODEL: "openai/gpt-4" } })
    const up = await start(home, "up", "--headless")
    await ready(home, up)
    port = (await until("the hub is announced", 60_000, () => hubFile(home))).value.bridge.port
    await until("it is told", 60_000, async () =>
      (await up.log()).includes(`The bridge listens on 127.0.0.1 port ${port}\n`) ? true : undefined
    )
    const used = await signalbox(home, "model", "use", "openai/gpt-4")
    if (used.code !== 0) throw new Error(used.stderr)
  })
  afterAll(async () => {
    await dispose(home)
    await openai.close()
  })

  it("is found without an address, signs its owner in by itself, and answers all of what was piped in", async () => {
    const ran = await connect("INFO\nIA\nsay 3 words\nBACK\nTASKS\nEXIT\n")
    assert.deepStrictEqual([ran.code, ran.stderr], [0, ""])
    assert.include(ran.stdout, "You are signed in as local-admin, admin.")
    assert.match(ran.stdout, /Signed in: local-admin/u)
    assert.include(ran.stdout, "IA> word1 word2 word3\nIA> ")
    assert.include(ran.stdout, "no tasks yet")
    assert.match(ran.stdout, /Goodbye\.\n$/u)
    const cut = await connect("IA\nsay 60 words every 20") // no end of line, no EXIT: it ends with its input
    assert.strictEqual(cut.code, 0)
    assert.include(cut.stdout, "word60\n")
  })

  it("with piped input: the answers on stdout, words about it on stderr, the exit code by how it ended, the token to no model", async () => {
    const token = (await readFile(join(home.path, "home", "credentials", "admin-token"), "utf8")).trim()
    const before = openai.requests.length
    const call = { calls: [{ name: "start_task", args: { command: "true", host: "local", tool: "shell" } }] }

    // every way in which input ends at a prompt is as wished
    for (const [input, last] of [
      ["", "\n> "],
      ["INFO", "\n> "],
      ["IA\nsay 2 words\n", "word1 word2\nIA> "],
      ['IA\n"""\nsay 2 words\nplease\n"""\nBACK\nEXIT\n', "\nIA> > Goodbye.\n"]
    ] as const) {
      const ran = await connect(input)
      assert.deepStrictEqual([ran.code, ran.stderr], [0, ""], input)
      assert.isTrue(ran.stdout.endsWith(last), ran.stdout)
    }
    // who gives the token where it is no command is told so, and it goes nowhere
    const slip = await connect(`IA\nAUTH ${token}\nBACK\nAUTH ${token}\nEXIT\n`)
    assert.strictEqual(slip.code, 0)
    assert.match(slip.stdout, /IA> This holds a token and was not sent to the model\.[^\n]*\nIA> > You are signed in/u)
    // a call that nobody answers waits on
    openai.next(reply("", call))
    const asked = await connect("IA\nrun it\n")
    assert.deepStrictEqual(
      [asked.code, asked.stderr],
      [
        1,
        "error: A tool call waits for YES or NO. Decide it on another screen, or with signalbox conversation approve.\n"
      ]
    )
    assert.match(asked.stdout, /The model wants to run start_task \{[^\n]*\}\nYES or NO\? $/u)
    const id = /chat-\d{8}-\d{6}-[a-z0-9]{6}/u.exec(
      (await signalbox(home, "conversation", "list", "--json")).stdout
    )?.[0]
    openai.next(reply("then not"))
    assert.strictEqual((await signalbox(home, "conversation", "refuse", id ?? "")).code, 0)

    // none of it was said to a model, nor shown, nor recorded
    const events = await signalbox(home, "report", "events", "--format", "json", "--limit", "10000")
    for (const text of [JSON.stringify(openai.requests), slip.stdout, asked.stdout, events.stdout])
      assert.notInclude(text, token)
    assert.isAbove(openai.requests.length, before + 2)
  })

  it("with piped input is no success when the server dies in the middle of the answer", async () => {
    const own = await makeHome({
      database: home.env["DATABASE_URL"] ?? "",
      env: { ...openai.env, SIGNALBOX_BRIDGE_PORT: String(await freePort()) }
    })
    try {
      const role = await start(own, "bridge")
      await until("the bridge listens", 60_000, async () =>
        (await role.log()).includes("The bridge listens on") ? true : undefined
      )
      const gate = Promise.withResolvers<void>()
      openai.next(reply("one two three four", { gate: { after: 2, open: gate.promise } }))
      const place = `127.0.0.1:${own.env["SIGNALBOX_BRIDGE_PORT"]}`
      let shown = ""
      const printed = (text: string): void => void (shown = text)
      const running = signalboxWith(own, { input: "IA\ncount\n", printed }, "bridge", "connect", place, "--plain")
      await until("it streams", 60_000, async () => (/IA> one/u.test(shown) ? true : undefined))
      await role.kill9()
      const ran = await running
      gate.resolve()
      assert.deepStrictEqual([ran.code, ran.stderr], [1, `error: The connection to ${place} was lost.\n`])
    } finally {
      await dispose(own)
    }
  })

  it("answers nc, whether it ends its side, keeps it open, or ends in the middle", async () => {
    assert.match(await nc(port, ["-N"], "INFO\nEXIT\n"), /TLS: none[\s\S]*Goodbye\.\n$/u)
    assert.match(await nc(port, ["-N"], "IA\nsay 40 words every 20\n"), /word1 [\s\S]* word40\nIA> $/u)
    assert.match(await nc(port, [], "INFO\r\nEXIT\r\nand more\n".repeat(50), true), /Goodbye\.\n$/u)
  })

  it("lets a person who has signed in decide tool calls; YES said before the question is no answer", async () => {
    const call = {
      calls: [{ name: "start_task", args: { command: "printf 'a\\033[31mb\\rc\\n'", host: "local", tool: "shell" } }]
    }
    openai.next(reply("", call), reply("it ran"))
    const token = (await readFile(join(home.path, "home", "credentials", "admin-token"), "utf8")).trim()
    const client = await lineClient(port)
    const asks = (line: string, wanted: string | RegExp) => {
      client.send(`${line}\n`)
      return client.until(wanted)
    }
    try {
      await client.until("\n> ")
      await asks(`AUTH ${token}`, "\n> ")
      await asks("IA", "IA> ")
      client.send("run it\nYES\n")
      await client.until("YES or NO? ")
      assert.strictEqual(await asks("yes", "it ran\nIA> "), "it ran\nIA> ")
      await client.until(/YES[\s\S]*IA> $/u) // the early one was a message
      openai.next(reply("", call), reply("as you wish"))
      await asks("again", "YES or NO? ")
      await asks("NO", "as you wish\nIA> ")
      openai.next(reply("", call))
      await asks("and again", "YES or NO? ")
      await asks("STOP", "(interrupted)\nIA> ")
      await asks("BACK", "> ")
      const tasks = (await asks("TASKS", "\n> ")).match(/task-\S+/gu) ?? []
      assert.lengthOf(tasks, 1)
      const { value } = await until("the task has ended", 60_000, async () => {
        const logs = await asks(`LOGS ${tasks[0]}`, "\n> ")
        return logs.includes("exit 0") ? logs : undefined
      })
      assert.match(value, /^a\[31mbc\n/u)
    } finally {
      await client.close()
    }
  })

  it("gives who has not signed in a talk without tools", async () => {
    assert.match(await nc(port, ["-N"], "IA\nsay 2 words\n"), /word1 word2/u)
    assert.deepStrictEqual(openai.requests.at(-1)?.tools, [])
  })

  it("signs in as who the environment says, and shows that token to no other machine's bridge", async () => {
    const Made = Schema.Struct({ token: Schema.String })
    assert.strictEqual((await signalbox(home, "user", "add", "ana", "--role", "operator")).code, 0)
    const { token } = (await signalbox(home, "user", "token", "ana", "--json")).json(Made)
    const ana = { SIGNALBOX_TOKEN: token }
    const as = (env: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
      signalboxWith(home, { input: "INFO\nEXIT\n", env }, "bridge", "connect", ...args)
    assert.match((await as(ana)).stdout, /Signed in: ana \(operator\)/u)
    const heard: Array<string> = []
    const other = await stranger((socket) => {
      socket.write("> ")
      socket.on("data", (part: Buffer) => {
        heard.push(part.toString())
        if (heard.join("").endsWith("EXIT\n")) socket.end("Goodbye.\n")
      })
    })
    try {
      const at = [`127.0.0.1:${other.port}`, "--plain"]
      assert.strictEqual((await as(ana, ...at)).code, 0)
      const named = { ...ana, SIGNALBOX_HUB_URL: "https://hub.example:1" }
      assert.strictEqual((await as(named, ...at)).code, 0)
      assert.deepStrictEqual(heard.join(""), "INFO\nEXIT\n".repeat(2))
      const here = { ...ana, SIGNALBOX_HUB_URL: "http://127.0.0.1:1" }
      assert.strictEqual((await as(here, ...at)).code, 0)
      assert.include(heard.join(""), `AUTH ${token}\nINFO\n`)
      const bad = await as({ SIGNALBOX_TOKEN: "a b" }, ...at)
      assert.deepStrictEqual([bad.code, bad.stdout], [2, ""])
      assert.match(bad.stderr, /SIGNALBOX_TOKEN does not hold a token/u)
    } finally {
      await other.stop()
    }
  })

  it("says what is wrong with an address, a port and a token file", async () => {
    for (const [args, wanted] of [
      [["no such host"], "is not HOST or HOST:PORT"],
      [["127.0.0.1:99999"], "is not HOST or HOST:PORT"],
      [["nowhere.invalid"], "There is no address for nowhere.invalid"],
      [[`127.0.0.1:${await freePort()}`], "Nothing listens at"],
      [["192.0.2.1:1", "--plain"], "--plain is for this machine only"],
      [["--token-file", "missing"], "The token file missing cannot be read (ENOENT)"]
    ] as const) {
      const ran = await connect("", ...args)
      assert.deepStrictEqual([ran.code, ran.stdout], [1, ""], args.join(" "))
      assert.include(ran.stderr, wanted)
    }
    const elsewhere = await makeHome()
    try {
      const ran = await signalbox(elsewhere, "bridge", "connect")
      assert.strictEqual(ran.code, 1)
      assert.include(ran.stderr, "No bridge runs in this home")
      const tls = await signalbox(elsewhere, "bridge", "connect", `127.0.0.1:${port}`)
      assert.strictEqual(tls.code, 1)
      assert.match(tls.stderr, /does not speak TLS/u)
      const plain = await signalboxWith(
        elsewhere,
        { input: "INFO\nTASKS\nEXIT\n" },
        "bridge",
        "connect",
        `127.0.0.1:${port}`,
        "--plain"
      )
      assert.strictEqual(plain.code, 0)
      assert.match(plain.stdout, /Signed in: no\n> TASKS is for those/u)
    } finally {
      await dispose(elsewhere)
    }
  })

  it("can be a role of its own, with TLS, beside the hub; its port is an error when it is taken", async () => {
    const own = await makeHome({
      database: home.env["DATABASE_URL"] ?? "",
      env: { ...openai.env, SIGNALBOX_BRIDGE_PORT: String(await freePort()) }
    })
    const visitor = await makeHome()
    try {
      const { fingerprint } = (await signalbox(own, "cert", "--json")).json(Cert)
      const role = await start(own, "bridge")
      await until("the bridge listens", 60_000, async () =>
        (await role.log()).includes("with TLS") ? true : undefined
      )
      const at = `127.0.0.1:${own.env["SIGNALBOX_BRIDGE_PORT"]}`
      const visit = (...args: ReadonlyArray<string>) =>
        signalboxWith(visitor, { input: "INFO\nIA\nsay 3 words\nBACK\nEXIT\n" }, "bridge", "connect", at, ...args)
      const unknown = await visit()
      assert.deepStrictEqual([unknown.code, unknown.stdout], [1, ""])
      assert.include(unknown.stderr, `--accept-new: ${fingerprint}`)
      const wrong = await visit("--pin", `SHA256:${"ab".repeat(32)}`)
      assert.deepStrictEqual([wrong.code, wrong.stdout], [1, ""])
      assert.include(wrong.stderr, "another certificate")
      assert.include((await visit("--pin", "12")).stderr, "64 hexadecimal digits")
      const pinned = await visit("--pin", fingerprint.toLowerCase().replaceAll(":", ""))
      assert.deepStrictEqual([pinned.code, pinned.stderr], [0, ""])
      assert.match(pinned.stdout, /TLS: TLSv1\.3 TLS_/u)
      assert.include(pinned.stdout, "word1 word2 word3\nIA> ")
      assert.strictEqual((await visit()).code, 0) // it is known now
      const second = await start(own, "bridge")
      assert.strictEqual(await second.ended, 1)
      assert.match(await second.log(), /port \d+ is in use by another program.*SIGNALBOX_BRIDGE_PORT/u)

      await role.stop()
      const other = (await signalbox(own, "cert", "--replace", "--json")).json(Cert)
      const next = await start(own, "bridge")
      await until("it listens again", 60_000, async () => ((await next.log()).includes("with TLS") ? true : undefined))
      const changed = await visit()
      assert.deepStrictEqual([changed.code, changed.stdout], [1, ""])
      assert.include(changed.stderr, `another certificate than last time`)
      assert.include(changed.stderr, other.fingerprint)
      assert.strictEqual((await visit("--accept-new")).code, 0)
      assert.strictEqual((await visit()).code, 0)

      const client = await lineClient(Number(own.env["SIGNALBOX_BRIDGE_PORT"]), { tls: true })
      await client.until("\n> ")
      await next.stop()
      await client.closed
      assert.include(client.seen(), "The server is stopping.")
    } finally {
      await dispose(visitor)
      await dispose(own)
    }
  })

  it("of a hub with a certificate is known to its own home, also after the certificate was replaced; a taken port is passed over", async () => {
    const taken = await stranger(() => {})
    const own = await makeHome({
      database: await freshDatabase(),
      env: { ...openai.env, SIGNALBOX_BRIDGE_PORT: String(taken.port), SIGNALBOX_BRIDGE_HOST: "0.0.0.0" }
    })
    try {
      const up = await start(own, "up", "--headless")
      await ready(own, up)
      const { bridge } = (await until("the hub is announced", 60_000, () => hubFile(own))).value
      assert.deepStrictEqual([bridge.tls, bridge.port > taken.port], [true, true])
      // it is announced before it is told
      await until("it is told that the port was taken", 60_000, async () =>
        (await up.log()).includes(`Port ${taken.port} is taken; the bridge listens on ${bridge.port}`)
          ? true
          : undefined
      )
      const talk = () => signalboxWith(own, { input: "INFO\nEXIT\n" }, "bridge", "connect")
      const ran = await talk()
      assert.deepStrictEqual([ran.code, ran.stderr], [0, ""])
      assert.match(ran.stdout, /TLS: TLSv1\.3 .*Signed in: local-admin/u)
      const open = await lineClient(bridge.port, { tls: true })
      await open.until("\n> ")
      const doctor = async () => (await signalbox(own, "doctor")).stdout
      assert.include(await doctor(), `(${bridge.fingerprint})`)
      assert.strictEqual((await signalbox(own, "cert", "--replace")).code, 0)
      assert.strictEqual((await talk()).code, 0)
      // the hub that runs takes it, and keeps it when the files are broken
      const { value: newer } = await until("the hub shows the new one", 60_000, async () => {
        const { fingerprint } = (await hubFile(own)).bridge
        return fingerprint === bridge.fingerprint ? undefined : fingerprint
      })
      assert.strictEqual(await shownAt(bridge.port), newer)
      open.send("INFO\n")
      await open.until(/TLS: TLSv1\.3/u)
      await open.close()
      assert.strictEqual((await talk()).code, 0)
      const file = join(own.path, "home", "tls", "cert.pem")
      const good = await readFile(file, "utf8")
      await writeFile(file, good.slice(0, 300))
      await until("doctor says what is wrong", 60_000, async () =>
        /certificate.*newer one is not taken.*cert\.pem.*cert --replace/u.test(await doctor()) ? true : undefined
      )
      assert.strictEqual(await shownAt(bridge.port), newer)
      assert.include(await up.log(), `stays the one of ${newer}`)
      await writeFile(file, good)
      await until("doctor is content", 60_000, async () => ((await doctor()).includes("not taken") ? undefined : true))
      await writeFile(join(own.path, "home", "known_bridges"), "nonsense\n")
      assert.strictEqual((await talk()).code, 0)
    } finally {
      await dispose(own)
      await taken.stop()
    }
  })

  it("on a terminal: lines are edited, text streams past what is being typed, Ctrl-C stops a reply and then leaves", async () => {
    const pane = new Pane("sbx-bridge")
    try {
      await pane.start([process.execPath, program, "bridge", "connect"], 100, 30, home.env)
      await pane.until(/signed in as local-admin, admin\.\n> *$/mu)
      await pane.type("INFOO")
      await pane.keys("BSpace", "Enter")
      await pane.until(/Signed in: local-admin \(admin\)\n> *$/mu)
      await pane.type("ia new")
      await pane.keys("Enter")
      await pane.until(/\nIA> *\n/u)
      await pane.type("say 60 words every 30")
      await pane.keys("Enter")
      await pane.until(/word5 /u)
      await pane.type("say 1 words")
      await pane.keys("BSpace", "BSpace", "BSpace", "BSpace", "BSpace")
      const shot = await pane.until(/word60\nIA> say 1 *$/mu)
      // each word once, in order, though the reply had more rows than one
      assert.deepStrictEqual(
        (/say 60 words every 30\n([\s\S]*)\nIA> say 1/u.exec(shot)?.[1] ?? "").split(/\s+/u),
        Array.from({ length: 60 }, (_, n) => `word${n + 1}`)
      )
      await pane.type("words")
      await pane.keys("Enter")
      await pane.until(/\nword1\nIA> *$/mu)
      await pane.keys("Up", "Up")
      await pane.until(/IA> say 60 words every 30 *$/mu)
      await pane.keys("C-u")
      await pane.type("say 900 words every 20")
      await pane.keys("Enter")
      await pane.until(/word7 /u)
      await pane.keys("C-c")
      await pane.until(/\(interrupted\)\nIA> *$/mu)
      await pane.keys("C-c")
      assert.strictEqual(await pane.ended(), 0)
    } finally {
      await pane.stop()
    }
  })

  it("types at the speed that was asked for", async () => {
    const pane = new Pane("sbx-typed")
    try {
      await pane.start([process.execPath, program, "bridge", "connect", "--typewriter", "200"], 80, 24, home.env)
      await pane.until(/signed in as local-admin, admin\.\n> *$/mu)
      await pane.type("HELP")
      await pane.keys("Enter")
      const part = await pane.until(/this list/u)
      assert.notInclude(part, "end the connection")
      await pane.until(/end the connection[\s\S]*\n> *$/mu)
      await pane.keys("C-d")
      assert.strictEqual(await pane.ended(), 0)
    } finally {
      await pane.stop()
    }
  })
})
