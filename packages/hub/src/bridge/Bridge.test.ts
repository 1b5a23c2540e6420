import { spawn } from "node:child_process"
import { createHash, randomUUID } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { type Certificate, makeCertificate } from "@signalbox/core/config/certificate.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { adminToken, hubTest, RoomsTest } from "../../../../test/support/hub.ts"
import { type LineClient, lineClient } from "../../../../test/support/line-client.ts"
import { held, heldAtMost } from "../../../../test/support/memory.ts"
import { ReplierTest } from "../../../../test/support/replier.ts"
import { until } from "../../../../test/support/until.ts"
import { serving } from "../edge/served-certificate.ts"
import { HubAddress } from "../HubAddress.ts"
import { BridgeAddress, BridgeLimits, makeDoors } from "./Bridge.ts"
import { BridgeTimes } from "./state.ts"

const certificate = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-bridge-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
).pipe(
  Effect.flatMap((path) =>
    makeCertificate({ tls: join(path, "tls") }, { names: [], days: 2, replace: false }, Date.now())
  )
)

/** A hub with a bridge, somebody who answers, and a model to begin with. */
const bridged = (given?: Certificate, open = true) => {
  const shown = given === undefined ? undefined : serving(given)
  const client = Layer.unwrap(Effect.map(HubAddress, ({ url }) => HubClient.layer(url, adminToken)))
  const useModel = Layer.effectDiscard(
    Effect.flatMap(HubClient, (hub) => hub.models.use({ payload: { model: "test/echo" } }))
  )
  return Layer.mergeAll(useModel, ReplierTest.pipe(Layer.provide(LiveTextLive))).pipe(
    Layer.provideMerge(client),
    Layer.provideMerge(hubTest({ bridge: { host: "127.0.0.1", port: 0, mode: "local", certificate: shown, open } })),
    Layer.provideMerge(RoomsTest)
  )
}

const port = Effect.map(BridgeAddress, ({ at }) => at?.port ?? 0)
const dial = (options: { readonly tls?: boolean } = {}) =>
  Effect.acquireRelease(
    Effect.flatMap(port, (number) => Effect.promise(() => lineClient(number, options))),
    (client) => Effect.promise(() => client.close())
  )
const reads = (client: LineClient, wanted: string | RegExp) => Effect.promise(() => client.until(wanted))
const asks = (client: LineClient, line: string, wanted: string | RegExp) =>
  Effect.suspend(() => {
    client.send(`${line}\n`)
    return reads(client, wanted)
  })
const quick: BridgeLimits = {
  line: 65_536,
  ahead: 64,
  perSecond: 1_000,
  burst: 1_000,
  stallMs: 5_000,
  connections: 2_000,
  perAddress: 64,
  handshakeMs: 2_000,
  plainMs: 100
}
const id = createHash("sha256").update("127.0.0.1").digest("hex")

describe("the bridge", () => {
  it.live("greets with an id, needs no manual, and takes commands in any case and with either end of line", () =>
    Effect.gen(function* () {
      const client = yield* dial()
      assert.include(yield* reads(client, "\n> "), `ID: ${id}`)
      const help = yield* asks(client, "help", "\n> ")
      for (const word of ["INFO", "LIST-MODELS", "CHANGE-MODEL", "IA", "AUTH", "EXIT"]) assert.include(help, word)
      assert.notInclude(help, "TASKS")
      assert.match(
        yield* asks(client, "Info\r", "\n> "),
        new RegExp(`^ID: ${id} \\| IP: 127\\.0\\.0\\.1 \\| Port: \\d+ \\| Connected: 20\\S+Z \\| TLS: none`, "u")
      )
      assert.match(yield* asks(client, "list", "\n> "), /no command list\. Did you mean LIST-MODELS\?/u)
      assert.match(yield* asks(client, "TASKS", "\n> "), /Sign in with AUTH/u)
      yield* asks(client, "quit", "Goodbye.")
      yield* Effect.promise(() => client.closed)
    }).pipe(Effect.provide(bridged()))
  )

  it.live("signs in with the token, slowly for who guesses, and then shows and starts tasks", () =>
    Effect.gen(function* () {
      const client = yield* dial()
      yield* reads(client, "\n> ")
      assert.match(yield* asks(client, "AUTH nonsense", "\n> "), /not known here/u)
      assert.match(yield* asks(client, `auth ${Redacted.value(adminToken)}`, "\n> "), /signed in as local-admin/u)
      assert.match(yield* asks(client, "RUN local shell echo 'a b'", "\n> "), /task-\S+ was made/u)
      assert.match(yield* asks(client, "TASKS", "\n> "), /task-\S+ {2}queued +local {2}shell {2}echo 'a b'/u)
      assert.match(yield* asks(client, "RUN local", "\n> "), /Say where/u)
      assert.match(yield* asks(client, "RUN nowhere shell ls", "\n> "), /There is no host nowhere/u)
      assert.match(yield* asks(client, "LOGS task-1", "\n> "), /There is no task task-1/u)
    }).pipe(Effect.provide(bridged()))
  )

  it.live("talks: text as it comes, whole and in order, several lines at once, STOP and BACK", () =>
    Effect.gen(function* () {
      const client = yield* dial()
      yield* reads(client, "\n> ")
      yield* asks(client, "IA", "IA> ")
      const counted = Array.from({ length: 2_000 }, (_, n) => `${n + 1} `).join("")
      assert.strictEqual(yield* asks(client, "count 2000", "\nIA> "), `${counted}\nIA> `)
      assert.strictEqual(yield* asks(client, '"""\nsay one\n  two 🚂\n"""', "\nIA> "), "one\n  two 🚂\nIA> ")
      yield* asks(client, "wait", "I wait")
      client.send("say after that\n")
      assert.strictEqual(yield* asks(client, "stop", "\nIA> "), "\n(interrupted)\nIA> ")
      assert.strictEqual(yield* reads(client, "\nIA> "), "after that\nIA> ")
      yield* asks(client, "Back", /^> /u)
      assert.match(yield* asks(client, "CHATS", "\n> "), /\* +1 {2}chat-\S+ {2}count 2000/u)
      assert.match(yield* asks(client, "CHANGE-MODEL test/other", "\n> "), /The model is test\/other now/u)
      const hub = yield* HubClient
      const [listed] = yield* until(
        "the read model has seen the change",
        Effect.map(hub.conversations.list({ query: {} }), ({ conversations }) =>
          conversations[0]?.model === "test/other" ? conversations : undefined
        )
      )
      assert.deepStrictEqual([listed?.client, listed?.messages], [id, 8])
    }).pipe(Effect.provide(bridged()))
  )

  it.live("goes on with a conversation that began elsewhere, and lets nobody into another's", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { conversationId } = yield* hub.conversations.start({ payload: { first: { text: "say from the page" } } })
      const client = yield* dial()
      yield* reads(client, "\n> ")
      assert.match(yield* asks(client, `IA ${conversationId}`, "\n> "), /no such conversation of yours/u)
      yield* asks(client, `AUTH ${Redacted.value(adminToken)}`, "\n> ")
      yield* until(
        "the read model has seen the conversation",
        Effect.map(hub.conversations.list({ query: {} }), ({ conversations }) => conversations.length === 1)
      )
      yield* asks(client, "CHATS", "\n> ")
      yield* asks(client, "IA 1", "IA> ")
      assert.strictEqual(yield* asks(client, "say here too", "\nIA> "), "here too\nIA> ")
      const { conversation } = yield* hub.conversations.get({ params: { conversationId } })
      assert.strictEqual(conversation.messages, 4)
    }).pipe(Effect.provide(bridged()))
  )

  it.live("answers garbage, NUL, broken UTF-8 and a line of 40 MB with a sentence, and harms no neighbour", () =>
    Effect.gen(function* () {
      const neighbour = yield* dial()
      yield* reads(neighbour, "\n> ")
      yield* asks(neighbour, "IA", "IA> ")
      const client = yield* dial()
      yield* reads(client, "\n> ")
      assert.match(yield* asks(client, "IN\u0000FO", "\n> "), /control characters/u)
      client.send(Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x0a]))
      assert.match(yield* reads(client, "\n> "), /not UTF-8|control/u)
      const before = held()
      const part = Buffer.alloc(65_536, 0x61)
      for (let n = 0; n < 640; n++)
        // far more than the sockets of both sides can hold
        if (!client.socket.write(part))
          yield* Effect.promise(() => new Promise((done) => client.socket.once("drain", done)))
      yield* heldAtMost(before, 15e6) // its end has not come yet
      assert.match(yield* asks(client, "", "\n> "), /longer than 64 KiB/u)
      assert.match(yield* asks(client, "INFO", "\n> "), /^ID: /u)
      assert.strictEqual(yield* asks(neighbour, "say all is well", "\nIA> "), "all is well\nIA> ")
      assert.match(yield* asks(client, "\u001b[2J\u001b]0;x\u0007", "\n> "), /control characters/u)
    }).pipe(Effect.provide(bridged()))
  )

  it.live("shows nothing that a terminal would obey, whatever a model says", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const client = yield* dial()
      yield* reads(client, "\n> ")
      yield* asks(client, "IA", "IA> ")
      yield* asks(client, "say hello", "\nIA> ")
      const { conversations } = yield* hub.conversations.list({ query: {} })
      const conversationId = conversations[0]?.conversationId ?? ""
      yield* hub.conversations.rename({ params: { conversationId }, payload: { title: "a\u001b[31mred\u009b2J" } })
      yield* asks(client, "BACK", /^> /u)
      assert.match(yield* asks(client, "CHATS", "\n> "), /a\[31mred2J/u)
      yield* hub.conversations.send({
        params: { conversationId },
        payload: { text: "say \u001b]52;c;eA==\u0007gone\u0008" }
      })
      yield* asks(client, "IA", "IA> ")
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(client.seen(), /[\x00-\x08\x0b-\x1f\x7f-\x9f]/u)
    }).pipe(Effect.provide(bridged()))
  )

  it.live(
    "carries 50 talks beside 500 silent clients, and no byte is lost or crossed",
    () =>
      Effect.gen(function* () {
        const silent = yield* Effect.forEach(Array.from({ length: 500 }), () => dial(), { concurrency: 50 })
        const talking = yield* Effect.forEach(Array.from({ length: 50 }), () => dial(), { concurrency: 50 })
        yield* Effect.forEach([...silent, ...talking], (client) => reads(client, "\n> "), { concurrency: "unbounded" })
        yield* Effect.forEach(
          talking,
          Effect.fnUntraced(function* (client, n) {
            yield* asks(client, "IA", "IA> ")
            for (const turn of [1, 2]) {
              const mark = `-${n}.${turn}`
              const wanted = Array.from({ length: 200 }, (_, at) => `${at + 1}${mark} `).join("")
              assert.strictEqual(yield* asks(client, `count 200 ${mark}`, "\nIA> "), `${wanted}\nIA> `)
            }
          }),
          { concurrency: "unbounded" }
        )
        for (const client of silent) assert.notInclude(client.seen(), "IA>")
        const some = silent.slice(0, 10)
        yield* Effect.forEach(some, (client) => asks(client, "INFO", "\n> "), { concurrency: "unbounded" })
      }).pipe(Effect.provide(bridged())),
    300_000
  )

  it.live("finishes the reply of a client that leaves in the middle", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const client = yield* dial()
      yield* reads(client, "\n> ")
      yield* asks(client, "IA", "IA> ")
      client.send("count 3000\n")
      yield* reads(client, "5 ")
      yield* Effect.promise(() => client.close())
      yield* until(
        "the reply has ended",
        Effect.map(
          hub.conversations.list({ query: {} }),
          ({ conversations }) => conversations[0]?.last?.outcome === "completed"
        )
      )
    }).pipe(Effect.provide(bridged()))
  )

  it.live(
    "lets go of a client that does not read, and of one that says nothing whole",
    () =>
      Effect.gen(function* () {
        const deaf = yield* dial()
        yield* reads(deaf, "\n> ")
        yield* asks(deaf, "IA", "IA> ")
        deaf.socket.pause()
        for (let n = 0; n < 14; n++) deaf.send("flood 900\n")
        const slow = yield* dial()
        yield* reads(slow, "\n> ")
        const drip = setInterval(() => slow.send("I"), 100)
        yield* Effect.addFinalizer(() => Effect.sync(() => clearInterval(drip)))
        assert.include(yield* reads(slow, "Goodbye."), "You said nothing for a while")
        yield* Effect.promise(() => slow.closed)
        deaf.socket.resume()
        yield* Effect.promise(() => deaf.closed)
      }).pipe(
        Effect.provide(bridged()),
        Effect.provideService(BridgeTimes, { idleMs: 4_000, signInMs: 4_000 }),
        Effect.provideService(BridgeLimits, { ...quick, ahead: 8, stallMs: 1_000 })
      ),
    300_000
  )

  it.live(
    "lets go of who leaves a question of a tool unanswered, and leaves the question open for another screen",
    () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const client = yield* dial()
        yield* reads(client, "\n> ")
        yield* asks(client, `AUTH ${Redacted.value(adminToken)}`, "\n> ")
        yield* asks(client, "IA", "IA> ")
        assert.include(
          yield* asks(client, "ask rm -rf /tmp/x", "YES or NO? "),
          "May I? \nThe model wants to run start_task"
        )
        const farewell = yield* reads(client, "Goodbye.")
        const { conversations } = yield* hub.conversations.list({ query: {} })
        const [one] = conversations
        assert.strictEqual(one?.status, "waiting")
        const conversationId = one?.conversationId ?? ""
        assert.include(farewell, "Nobody said YES or NO for a while. The question stays open")
        assert.include(farewell, `IA ${conversationId}`)
        yield* Effect.promise(() => client.closed)

        const again = yield* dial()
        yield* reads(again, "\n> ")
        yield* asks(again, `AUTH ${Redacted.value(adminToken)}`, "\n> ")
        yield* asks(again, `IA ${conversationId}`, "YES or NO? ")
        yield* hub.conversations.decideCall({
          params: { conversationId, callId: "call-1" },
          payload: { commandId: randomUUID(), approve: true }
        })
        assert.include(yield* reads(again, "\nIA> "), "It was approved.")
        assert.strictEqual(yield* asks(again, "say on", "\nIA> "), "on\nIA> ")
      }).pipe(Effect.provide(bridged()), Effect.provideService(BridgeTimes, { idleMs: 8_000, signInMs: 8_000 })),
    60_000
  )

  it.live("asks its own machine for a token as well where the owner wants it, and says so", () =>
    Effect.gen(function* () {
      const client = yield* dial()
      assert.match(yield* reads(client, "\n> "), /ID: \w{64}\nSign in with AUTH token\.\n> $/u)
      assert.match(yield* asks(client, "INFO", "\n> "), /IP: 127\.0\.0\.1 .*Signed in: no, AUTH token is due\n/u)
      for (const line of ["IA", "LIST-MODELS", "CHANGE-MODEL x", "CHATS"])
        assert.match(yield* asks(client, line, "\n> "), /is for those who have signed in\. Sign in with AUTH token\./u)
      assert.match(yield* asks(client, "HELP", "\n> "), /[^A-Z]AUTH token .* 11 more after AUTH\./su)
      yield* asks(client, `AUTH ${Redacted.value(adminToken)}`, /signed in as local-admin, admin\.\n> /u)
      assert.match(yield* asks(client, "INFO", "\n> "), /Signed in: local-admin \(admin\)\n/u)
      yield* asks(client, "IA", "IA> ")
      assert.strictEqual(yield* asks(client, "say hello", "\nIA> "), "hello\nIA> ")
    }).pipe(Effect.provide(bridged(undefined, false)))
  )

  it.live("speaks TLS and plain text on one port; INFO tells version and cipher to openssl s_client", () =>
    Effect.gen(function* () {
      const made = yield* certificate
      yield* Effect.gen(function* () {
        const number = yield* port
        const plain = yield* dial()
        yield* reads(plain, "\n> ")
        const encrypted = yield* dial({ tls: true })
        yield* reads(encrypted, "\n> ")
        assert.match(yield* asks(encrypted, "INFO", "\n> "), /TLS: TLSv1\.3 TLS_AES_256_GCM_SHA384/u)
        const seen = yield* Effect.promise(
          () =>
            new Promise<string>((resolve, reject) => {
              const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${number}`, "-quiet", "-tls1_2"], {
                stdio: ["pipe", "pipe", "ignore"]
              })
              let out = ""
              child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
              child.once("error", reject)
              child.once("close", () => resolve(out))
              child.stdin.write("info\nIA\nsay it works\nBACK\nEXIT\n")
            })
        )
        assert.match(seen, /TLS: TLSv1\.2 ECDHE-ECDSA-AES\S+/u)
        assert.include(seen, "it works\nIA> ")
        assert.include(seen, "Goodbye.")
      }).pipe(Effect.provide(bridged(made)))
    })
  )

  it.live("tells who speaks TLS that there is none here, and ends a handshake that is nonsense", () =>
    Effect.gen(function* () {
      const made = yield* certificate
      const hello = Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00])
      yield* Effect.gen(function* () {
        const client = yield* dial()
        client.send(hello)
        yield* reads(client, "plain text here")
        yield* Effect.promise(() => client.closed)
      }).pipe(Effect.provide(bridged()))
      yield* Effect.gen(function* () {
        const client = yield* dial()
        client.send(hello)
        yield* Effect.promise(() => client.closed)
        const after = yield* dial({ tls: true })
        yield* reads(after, "\n> ")
      }).pipe(Effect.provide(bridged(made)))
    })
  )

  it.live("says goodbye when the server stops", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      assert.isAtLeast(yield* log.head, 0)
      const kept: Array<LineClient> = []
      yield* Effect.gen(function* () {
        const number = yield* port
        const client = yield* Effect.promise(() => lineClient(number))
        kept.push(client)
        yield* reads(client, "\n> ")
      }).pipe(
        Effect.provide(
          hubTest({ bridge: { host: "127.0.0.1", port: 0, mode: "local", certificate: undefined, open: true } })
        )
      )
      const [client] = kept
      if (client === undefined) return assert.fail("there was no client")
      yield* Effect.promise(() => client.closed)
      assert.include(client.seen(), "The server is stopping.")
    }).pipe(Effect.provide(RoomsTest))
  )
})

describe("doors", () => {
  it("let so many in, so many of one other machine, and forget who has left", () => {
    const doors = makeDoors({ connections: 100, perAddress: 64 })
    const far = "198.51.100.7"
    for (let n = 0; n < 64; n++) assert.isTrue(doors.enter(far))
    assert.isFalse(doors.enter(far))
    assert.isTrue(doors.enter("198.51.100.8"))
    for (let n = 0; n < 35; n++) assert.isTrue(doors.enter("127.0.0.1"))
    assert.isFalse(doors.enter("127.0.0.1"))
    doors.leave(far)
    assert.isTrue(doors.enter(far))
    assert.isFalse(doors.enter("127.0.0.1"))
    for (let n = 0; n < 64; n++) doors.leave(far)
    for (let n = 0; n < 35; n++) doors.leave("127.0.0.1")
    doors.leave("198.51.100.8")
    assert.strictEqual(doors.addresses(), 0)
  })
})

describe("a bridge with many visitors", () => {
  it.live(
    "keeps nothing of a thousand that came and went, however they went",
    () =>
      Effect.gen(function* () {
        const made = yield* certificate
        yield* Effect.gen(function* () {
          const opened = () =>
            process.getActiveResourcesInfo().filter((name) => /Timeout|TCPSocketWrap|TLSWrap/u.test(name)).length
          const visits = (count: number) =>
            Effect.forEach(
              Array.from({ length: count }, (_, n) => n),
              (n) =>
                Effect.gen(function* () {
                  const client = yield* Effect.flatMap(port, (number) =>
                    Effect.promise(() => lineClient(number, { tls: n % 4 === 0 }))
                  )
                  if (n % 4 === 3)
                    client.send(Buffer.from([0x16, 0x03])) // begins TLS and goes
                  else if (n % 4 === 2) {
                    client.send("EXIT\n")
                    yield* reads(client, "Goodbye.")
                  } else if (n % 4 === 1) client.socket.end("IA\n")
                  else yield* reads(client, "> ")
                  yield* Effect.promise(() => client.close())
                }),
              { concurrency: 20, discard: true }
            )
          yield* visits(200)
          const settled = (most: number) =>
            until(
              `there are at most ${most} handles`,
              Effect.sync(() => opened() <= most)
            )
          yield* settled(40)
          const handles = opened()
          const before = held()
          yield* visits(1_000)
          yield* settled(handles + 5)
          yield* heldAtMost(before, 5e6) // five kilobytes of each
          const after = yield* dial()
          yield* reads(after, "\n> ")
        }).pipe(Effect.provide(bridged(made)))
      }),
    300_000
  )

  it.live(
    "takes a handshake that comes byte by byte if it comes in time, ends one that does not, and minds neither",
    () =>
      Effect.gen(function* () {
        const made = yield* certificate
        yield* Effect.gen(function* () {
          const slow = yield* dial()
          const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
          let at = 0
          const drip = setInterval(() => (at < hello.length ? slow.send(hello.subarray(at, ++at)) : undefined), 50)
          yield* Effect.addFinalizer(() => Effect.sync(() => clearInterval(drip)))
          const neighbour = yield* dial({ tls: true })
          yield* reads(neighbour, "\n> ")
          yield* Effect.promise(() => slow.closed)
          assert.strictEqual(slow.seen(), "")
          assert.match(yield* asks(neighbour, "INFO", "\n> "), /TLSv1\.3/u)
        }).pipe(
          Effect.provide(bridged(made)),
          Effect.provideService(BridgeLimits, { ...quick, plainMs: 3_000, handshakeMs: 3_000 })
        )
      })
  )

  it.live("slows down who floods lines, and answers all of them", () =>
    Effect.gen(function* () {
      const client = yield* dial()
      yield* reads(client, "\n> ")
      const began = performance.now()
      client.send("INFO\n".repeat(400))
      for (let n = 0; n < 400; n++) yield* reads(client, "\n> ")
      assert.isAbove(performance.now() - began, 900) // 100 at once, then 300 a second
      // lines of one message are not counted
      yield* asks(client, "IA", "IA> ")
      const long = Array.from({ length: 12_000 }, (_, n) => `line ${n}`).join("\n")
      const sent = performance.now()
      assert.include(yield* asks(client, `"""\n${long}\n"""`, "\nIA> "), "line 11999")
      assert.isBelow(performance.now() - sent, 30_000) // they would take 40 seconds
    }).pipe(Effect.provide(bridged()), Effect.provideService(BridgeLimits, { ...quick, perSecond: 300, burst: 100 }))
  )

  it.live("finishes what a client asked that has ended its side, and stops only what is being written", () =>
    Effect.gen(function* () {
      const client = yield* dial()
      yield* reads(client, "\n> ")
      client.socket.end("IA\nSTOP\ncount 500\n")
      assert.include(yield* reads(client, "\nIA> "), "You talk to the model")
      assert.match(yield* reads(client, /500 \nIA> /u), /^No reply is being written\.\nIA> 1 2 3 /u)
      yield* Effect.promise(() => client.closed)
    }).pipe(Effect.provide(bridged()))
  )

  it.live("shows a reply that another screen has asked for to who enters its conversation", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { conversationId } = yield* hub.conversations.start({ payload: { first: { text: "wait" } } })
      const client = yield* dial()
      yield* reads(client, "\n> ")
      yield* asks(client, `AUTH ${Redacted.value(adminToken)}`, "\n> ")
      yield* asks(client, `IA ${conversationId}`, "I wait")
      yield* asks(client, "STOP", "(interrupted)\nIA> ")
      assert.strictEqual(yield* asks(client, "say on", "\nIA> "), "on\nIA> ")
    }).pipe(Effect.provide(bridged()))
  )
})
