const { rows } = await import("/work/wt/eight/bench/fleet.ts")
const { stopServer } = await import("/work/wt/eight/bench/support.ts")
try { for (const r of await rows()) console.log(r.ok ? "ok " : "NO ", r.what, "|", r.ours, "|", r.against, "|", r.ratio?.toFixed(3)) }
catch (e) { console.log(e) }
await stopServer()
