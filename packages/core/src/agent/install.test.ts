/** The line of an invite, in a real shell: whoever runs it is told why it did nothing. */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { installLine } from "./install.ts"

let bin = ""
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "signalbox-install-"))
  for (const name of ["sh", "cat", "echo", "mktemp", "sha256sum"]) symlinkSync(`/usr/bin/${name}`, join(bin, name))
})
afterEach(() => rmSync(bin, { recursive: true, force: true }))

const program = (name: string, text: string) => {
  writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
  chmodSync(join(bin, name), 0o755)
}
const script = `echo "it ran with $TOKEN at $HUB_URL"\n`
const sha256 = createHash("sha256").update(script).digest("hex")
/** A program that writes the script where its flag says. */
const fetches = (flag: string) => `while [ "$1" != "${flag}" ]; do shift; done; cat >"$2" <<'END'\n${script}END`
const run = (sha = sha256) => {
  const line = installLine({ url: "https://hub:1", fingerprint: "AA", script: sha, token: "sbx_t" })
  const ran = spawnSync("/bin/sh", ["-c", line], { env: { PATH: bin, TMPDIR: bin }, encoding: "utf8" })
  return { code: ran.status, out: ran.stdout, lastWords: ran.stderr.trim().split("\n").at(-1) }
}

describe("the line of an invite", () => {
  it("tells that the hub was not reached, where there is no wget", () => {
    program("curl", `echo "curl: (7) Failed to connect to hub port 1" >&2; exit 7`)
    expect(run()).toMatchObject({ code: 7, out: "", lastWords: "curl: (7) Failed to connect to hub port 1" })
  })

  it("does with wget where there is no curl", () => {
    program("wget", fetches("-O"))
    expect(run()).toMatchObject({ code: 0, out: "it ran with sbx_t at https://hub:1\n" })
  })

  it("runs nothing but the script that the hub had, and says so", () => {
    program("curl", fetches("-o"))
    expect(run()).toMatchObject({ code: 0, out: "it ran with sbx_t at https://hub:1\n" })
    const other = run("0".repeat(64))
    expect([other.code, other.out.includes("it ran")]).toEqual([1, false])
    expect(other.lastWords).toContain("did NOT match")
  })
})
