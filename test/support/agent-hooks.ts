/** What tests of the agent do before and after each: processes with a hub by hand, or a directory of configuration files. */
import { randomUUID } from "node:crypto"
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest"
import type { Surroundings } from "../../packages/agent/src/perform/Surroundings.ts"
import { AgentProcesses, type Built, builtAgent } from "./agent-processes.ts"

/** The bundle is built once for a file of tests. */
export const withProcesses = (give: (host: AgentProcesses, built: Built) => void): void => {
  let built: Built
  let host: AgentProcesses
  beforeAll(async () => {
    built = await builtAgent()
  })
  afterAll(() => rm(built.directory, { recursive: true, force: true }))
  beforeEach(async () => {
    host = await AgentProcesses.make(built)
    give(host, built)
  })
  afterEach(() => host.close())
}

/** Below `root` lie `etc`, where files may be changed, and `state`, where the agent keeps what it knows of them. */
export const withConfiguration = (give: (root: string, own: Surroundings) => void): void => {
  let root: string
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), "sbx-config-")))
    await mkdir(join(root, "etc"))
    give(root, {
      stateDirectory: join(root, "state"),
      agentCommand: ["/bin/false"],
      ownPaths: [join(root, "etc/agent")],
      configRoots: [join(root, "etc")]
    })
  })
  afterEach(() => rm(root, { recursive: true, force: true }))
}

/** A command as a performer is given it. */
export const commanded = (commandId: string = randomUUID()) => ({ commandId, signal: AbortSignal.timeout(20_000) })
