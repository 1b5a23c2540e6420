#!/usr/bin/env node
/**
 * The start of every role: a small file that any Node since 18 can read.
 *
 * Owns: choosing a Node that is new enough, the compile cache, how much garbage may lie around, the sentence when nothing is built. Does not own: commands.
 */
import module from "node:module"

// not imported: that would read all of their exports, and with them load a good part of Node
const require = module.createRequire(import.meta.url)
const { existsSync } = require("node:fs")
const { dirname, join } = require("node:path")
const { fileURLToPath } = require("node:url")

const here = dirname(fileURLToPath(import.meta.url))
const [major, minor] = process.versions.node.split(".").map(Number)

if (major > 22 || (major === 22 && minor >= 19)) await start()
else await startWithNewerNode()

async function start() {
  const bundle = join(here, "../dist/bin.js")
  if (!existsSync(bundle)) {
    const built = existsSync(join(here, "../src/bin.ts"))
    fail(built ? "Signalbox is not built yet. Run: npm run build" : "This installation is not complete. Run: npm ci")
    return
  }
  if (serves(process.argv.slice(2))) becomeRoomy()
  module.enableCompileCache?.()
  leaveLittleGarbage()
  await import(bundle)
}

/** What runs for weeks and answers people. A command, or the view, would only begin later. */
function serves([role, ...flags]) {
  if (role === "up") return flags.includes("--headless") || flags.includes("--with-parent")
  return role === "hub" || role === "worker"
}

/**
 * With a young generation of 2 MB hub and worker collect garbage several times between a message and its first words.
 * V8 takes its size only when a process starts: this one starts anew in its own place, where Node can do that. It keeps its number.
 */
function becomeRoomy() {
  const roomy = "--min-semi-space-size=4"
  if (process.execve === undefined || process.execArgv.some((flag) => flag.includes("semi-space-size"))) return
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, roomy, ...process.argv.slice(1)],
    process.env
  )
}

/**
 * What is in use is small (35 MB while a million events are followed), but on a machine with much memory V8 collects late: 450 MB.
 * Neither flag is a limit that could end the process: the young generation stays as it began (2 MB; 8 where somebody is served),
 * and the old one is collected when it has grown by half. Costs up to a quarter more CPU where nothing but events is read.
 */
function leaveLittleGarbage() {
  const v8 = require("node:v8")
  v8.setFlagsFromString("--semi-space-growth-factor=1")
  v8.setFlagsFromString("--heap-growing-percent=50")
}

/** npm ci brings a Node of its own (the `node` package) for machines whose Node is older. */
async function startWithNewerNode() {
  for (let at = here; ; at = dirname(at)) {
    const node = join(at, "node_modules/node/bin/node")
    if (existsSync(node) && process.env.SIGNALBOX_NODE_TRIED !== "1") return run(node)
    if (dirname(at) === at) break
  }
  fail(
    `Node ${process.versions.node} is too old for Signalbox, which needs 22.19. Update Node, or run npm ci (not --omit=dev), which brings one.`
  )
}

async function run(node) {
  const { spawn } = await import("node:child_process")
  const child = spawn(node, process.argv.slice(1), {
    stdio: "inherit",
    env: { ...process.env, SIGNALBOX_NODE_TRIED: "1" }
  })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
    // a terminal sends its keys' signals to both of us
    process.on(signal, () => (process.stdin.isTTY && signal !== "SIGTERM" ? undefined : child.kill(signal)))
  child.once("error", (error) =>
    fail(`The Node that npm brought does not run (${error.message}). Update your own Node.`)
  )
  child.once("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const each of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.removeAllListeners(each)
    process.kill(process.pid, signal)
  })
}

function fail(sentence) {
  process.stderr.write(`error: ${sentence}\n`)
  process.exitCode = 1
}
