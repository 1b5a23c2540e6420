/**
 * How the hosts' agent is bundled: one file that runs on the host's own Node with nothing beside it.
 *
 * Invariants: CommonJS, so that an old Node reads the check of its version before anything that it does not know.
 */
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")

const checkVersion = `"use strict";{const [a,b]=process.versions.node.split(".").map(Number);if(a<18||(a===18&&b<15)){process.stderr.write("error: signalbox-agent needs Node 18.15 or newer, and this is "+process.versions.node+". Install a newer one, or let install-agent.sh bring the hub's.\\n");process.exit(2)}}`

/** TLS is below the socket already and frames are not compressed: ws needs neither, and both cost every host memory. */
const plainSockets = {
  name: "plain sockets",
  setup(build) {
    const fromWs = (importer) => /[\\/]node_modules[\\/]ws[\\/]/u.test(importer)
    build.onResolve({ filter: /^(?:https|zlib|tls)$/ }, ({ path, importer }) =>
      fromWs(importer) ? { path, namespace: "not-needed" } : undefined
    )
    build.onLoad({ filter: /.*/, namespace: "not-needed" }, () => ({ contents: "module.exports = {}" }))
  }
}

export const agentBundle = {
  entryPoints: { "signalbox-agent": join(root, "packages/agent/src/main.ts") },
  outdir: join(root, "packages/agent/dist"),
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node18",
  // what is loaded late is required: the loader of modules alone costs every start ten milliseconds, and memory
  supported: { "dynamic-import": false },
  minify: true,
  metafile: true,
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"', "import.meta.vitest": "undefined" },
  banner: { js: checkVersion },
  plugins: [plainSockets],
  logLevel: "warning"
}
