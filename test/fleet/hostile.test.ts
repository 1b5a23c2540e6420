/** What a person wrote arrives at the tool byte for byte and is never shell code, except for the tool `shell`. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { Schema } from "effect"
import { type Home, dispose, makeHome, signalbox, start, startHub } from "../support/signalbox.ts"
import { showLogsOnFailure } from "../support/logs.ts"
import { type TestServer, startServer } from "../support/postgres-server.ts"
import { type FleetHost, host, ssh } from "./support.ts"
import { addHost, createTask, hasStatus, sha256, showTask } from "./tasks.ts"

let server: TestServer
let box: FleetHost
let home: Home

beforeAll(async () => {
  ;[server, box] = await Promise.all([startServer(), host("hostile")])
  home = await makeHome({ database: server.url })
  await startHub(home)
  await start(home, "worker")
  await addHost(home, box)
  await ssh(box.name, "mkdir -p '/root/a dir; touch pwned $(touch pwned)'")
})
afterAll(async () => {
  await dispose(home)
  await server.stop()
})

const texts: Readonly<Record<string, string>> = {
  quotes: `it's "quoted" 'twice' \`touch /root/pwned\` \\ \\' \\" \\\\`,
  substitution: "$(touch /root/pwned) ${HOME} $HOME $(( 1 + 1 )) <(touch /root/pwned)",
  separators: "a; touch /root/pwned; b && touch /root/pwned || c | tee /root/pwned & d > /root/pwned",
  newlines: "one\ntouch /root/pwned\n\n'\ntouch /root/pwned\n'\nEOF\ntouch /root/pwned\n\tlast\n",
  carriage: "one\r\ntwo\rthree\u0007\u001b[31mred\u001b[0m\u001b]0;title\u0007",
  emoji: "🚂🚦 žluťoučký 漢字 👩‍👩‍👧‍👦 é é ﷽ \u202eabc\u202c \u200b",
  options: "--help\n-p --dangerously-skip-permissions -- -",
  tmux: "#{pane_id} #(touch /root/pwned) C-c C-m Enter ; kill-server",
  percent: "%s %n %d %% !! !$ ~ * ? [a-z] {a,b} #comment",
  big: `begin $(touch /root/pwned) ' " \n${"0123456789 žluťoučký 🚂 'quoted' \"twice\" $HOME\n".repeat(4000).slice(0, 200_000)}end`
}

const Recorded = Schema.fromJsonString(
  Schema.Struct({
    tool: Schema.String,
    argv: Schema.Array(Schema.String),
    bytes: Schema.Int,
    sha256: Schema.String
  })
)
const decodeRecorded = Schema.decodeUnknownSync(Recorded)

it.each(["claude", "codex", "gemini", "qwen", "opencode", "crush", "blackbox", "ollama"])(
  "hostile text arrives at %s unchanged",
  async (tool) => {
    showLogsOnFailure(home)
    const tasks: Array<{ readonly name: string; readonly text: string; readonly taskId: string }> = []
    for (const [name, text] of Object.entries(texts)) {
      const taskId = await createTask(home, box.name, tool, text, "--env", `FAKE_TOOL_RECORD=/root/got-${tool}-${name}`)
      tasks.push({ name, text, taskId })
    }
    for (const { name, text, taskId } of tasks) {
      const { task } = await hasStatus(home, taskId, "succeeded", 60_000)
      const recorded = decodeRecorded((await ssh(box.name, `cat /root/got-${tool}-${name}`)).trim())
      const bytes = Buffer.from(text)
      expect({ name, bytes: recorded.bytes, sha256: recorded.sha256 }).toEqual({
        name,
        bytes: bytes.length,
        sha256: sha256(bytes)
      })
      expect(task.command).toBe(text)
    }
    await nothingRan()
  }
)

it("context, working directory and environment are as safe as the command", async () => {
  showLogsOnFailure(home)
  const value = "$(touch /root/pwned)'\"; touch /root/pwned\n`touch /root/pwned` 🚂"
  const taskId = await createTask(
    home,
    box.name,
    "shell",
    'printf "%s\\n" "$HOSTILE"; pwd; cat',
    "--env",
    `HOSTILE=${value}`,
    "--cwd",
    "/root/a dir; touch pwned $(touch pwned)",
    "--context",
    value
  )
  await hasStatus(home, taskId, "succeeded", 60_000)
  const { stdout } = await signalbox(home, "task", "logs", taskId)
  expect(stdout).toBe(`${value}\n/root/a dir; touch pwned $(touch pwned)\n${value}`)
  await nothingRan()
})

it("for the tool shell the text is the script, whole and once", async () => {
  showLogsOnFailure(home)
  const script = [
    "cat <<'EOF'",
    `it's "quoted" $(touch /root/pwned) \\ 🚂`,
    "EOF",
    'echo "$((20 + 22))"; echo "a b" | tr " " _',
    "exit 7"
  ].join("\n")
  const taskId = await createTask(home, box.name, "shell", script)
  await hasStatus(home, taskId, "failed", 60_000)
  expect((await signalbox(home, "task", "logs", taskId)).stdout).toBe(
    `it's "quoted" $(touch /root/pwned) \\ 🚂\n42\na_b\n`
  )
  expect((await showTask(home, taskId)).exitCode).toBe(7)
  await nothingRan()
})

const nothingRan = async (): Promise<void> => {
  expect(await ssh(box.name, "find / -xdev -name 'pwned*' 2>/dev/null; true")).toBe("")
}
