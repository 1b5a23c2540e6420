/** A host without a way to the hub becomes an agent and acts through another one, which lets nothing else through. */
import { Schema } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { showLogsOnFailure } from "../support/logs.ts"
import { startServer, type TestServer } from "../support/postgres-server.ts"
import { dispose, type Home, hubSays, makeHome, signalbox, start, startHub, until } from "../support/signalbox.ts"
import { approve, over, propose } from "./plans.ts"
import { addressHere, type FleetHost, hosts, inside, invocation } from "./support.ts"
import { addHost } from "./tasks.ts"

const port = 8443
const Agents = Schema.Struct({
  agents: Schema.Array(
    Schema.Struct({
      name: Schema.NullOr(Schema.String),
      online: Schema.Boolean,
      session: Schema.NullOr(Schema.Struct({ id: Schema.String })),
      hello: Schema.optionalKey(
        Schema.Struct({
          relay: Schema.optionalKey(Schema.Struct({ listen: Schema.String })),
          through: Schema.optionalKey(Schema.String)
        })
      ),
      sample: Schema.NullOr(
        Schema.Struct({
          relay: Schema.optionalKey(Schema.Struct({ open: Schema.Int, passed: Schema.Int, refused: Schema.Int }))
        })
      )
    })
  )
})

let server: TestServer
let home: Home
let near: FleetHost
let hubAddress = ""

beforeAll(async () => {
  server = await startServer()
  const [one, two] = await hosts("near", "far")
  if (one === undefined || two === undefined) throw new Error("the hosts are not there")
  near = one
  hubAddress = addressHere(one)
  home = await makeHome({ database: server.url, env: { SIGNALBOX_HTTP_HOST: hubAddress } })
  await startHub(home)
  await start(home, "worker")
  await addHost(home, near)
  await inside("far", `ip route add unreachable ${hubAddress}`)
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

const agentWhen = (what: string, name: string, holds: (agent: (typeof Agents.Type)["agents"][number]) => boolean) =>
  until(`${name} ${what}`, 90_000, async () => {
    const { agents } = await hubSays(home, "/api/v1/agents", Agents)
    return agents.find((one) => one.name === name && holds(one))
  })
const restart = async (host: string): Promise<void> => {
  const before = await invocation(host)
  const planId = await approve(home, await propose(home, `restart nginx on ${host}`))
  expect((await over(home, planId)).status).toBe("succeeded")
  expect(await invocation(host)).not.toBe(before)
}
/** What a CONNECT from the far host is answered. */
const connect = (destination: string): Promise<string> =>
  inside(
    "far",
    `curl -sko /dev/null -w '%{http_connect}' -x http://${near.address}:${port} https://${destination}/; true`
  )

it("an agent becomes a relay by what its owner writes into its configuration", async () => {
  showLogsOnFailure(home)
  const prepared = await signalbox(home, "host", "prepare", "near", "--agent")
  expect([prepared.code, prepared.stdout]).toEqual([0, expect.stringContaining("It runs.")])
  const early = await signalbox(home, "agent", "invite", "--name", "far", "--through", "near")
  expect([early.code === 0, early.stderr]).toEqual([false, expect.stringContaining("is no relay")])
  const path = "/etc/signalbox-agent/agent.json"
  await inside(
    "near",
    `sed -i '1s#{#{ "relay": { "listen": "${near.address}:${port}" },#' ${path} && systemctl restart signalbox-agent`
  )
  const { value } = await agentWhen("says that it is a relay", "near", ({ hello, online }) => online && !!hello?.relay)
  expect(value.hello?.relay?.listen).toBe(`${near.address}:${port}`)
  const shown = await signalbox(home, "agent", "list")
  expect(shown.stdout).toMatch(/near\s+online, relay/u)
})

it("a host without a way to the hub enrolls and acts through it, by the line that the invite prints", async () => {
  showLogsOnFailure(home)
  const invited = await signalbox(home, "agent", "invite", "--name", "far", "--through", "near")
  expect(invited.code).toBe(0)
  const line = invited.stdout.trim()
  expect(line).toContain(`HTTPS_PROXY='http://${near.address}:${port}'`)
  expect(await inside("far", `curl -sk --connect-timeout 5 https://${hubAddress}:1/ || echo no way`)).toBe("no way\n")
  expect(await inside("far", line)).toMatch(/This host is far[^]*It runs\./u)
  const { value } = await agentWhen("is online", "far", ({ online }) => online)
  expect(value.hello?.through).toBe(`${near.address}:${port}`)
  await restart("far")
  await agentWhen("tells what it lets through", "near", ({ sample }) => (sample?.relay?.open ?? 0) >= 1)
})

it("lets nobody through to anything else", async () => {
  const hub =
    (await inside("far", "cat /etc/signalbox-agent/agent.json")).match(/"hub": "https:\/\/([^"]+)"/u)?.[1] ?? ""
  expect(await connect(hub)).toBe("200")
  for (const other of [
    `${hubAddress}:22`,
    `${near.address}:22`,
    "127.0.0.1:80",
    "hub:443",
    `${hubAddress}.:${hub.split(":")[1]}`
  ])
    expect([other, await connect(other)]).toEqual([other, "403"])
})

it("a relay that is killed comes back, and with it the agents behind it", async () => {
  showLogsOnFailure(home)
  const before = await agentWhen("is online", "far", ({ online }) => online)
  await inside("near", "kill -9 $(systemctl show --value -p MainPID signalbox-agent)")
  const after = await agentWhen(
    "is back with another connection",
    "far",
    ({ online, session }) => online && session !== null && session.id !== before.value.session?.id
  )
  expect(after.value.hello?.through).toBe(`${near.address}:${port}`)
  await restart("far")
})

it("a newer bundle takes the old one's place and keeps enrollment, relay and proxy", async () => {
  showLogsOnFailure(home)
  const bundle = "/usr/local/lib/signalbox-agent/signalbox-agent.cjs"
  const config = await inside("far", "cat /etc/signalbox-agent/agent.json /etc/signalbox-agent/environment")
  const before = await agentWhen("is online", "far", ({ online }) => online)
  const installed = await inside(
    "far",
    `cp ${bundle} /root/newer.cjs && echo '// newer' >>/root/newer.cjs && chmod 600 /root/newer.cjs && $(ls /usr/local/lib/signalbox-agent/node) /root/newer.cjs install`
  )
  expect(installed).toContain("It runs.")
  expect(await inside("far", `tail -c 9 ${bundle}; stat -c '%U %a' ${bundle}`)).toBe("// newer\nroot 644\n")
  expect(await inside("far", "cat /etc/signalbox-agent/agent.json /etc/signalbox-agent/environment")).toBe(config)
  await agentWhen("is back", "far", ({ online, session }) => online && session?.id !== before.value.session?.id)
  await restart("far")
})
