/** The same events by Emmett's `appendToStream`: `emmett.mjs URL CALLERS SECONDS`. */
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql"
import { load, payload } from "../child/load.mjs"

const [url = "", callers = "64", seconds = "5"] = process.argv.slice(2)
const store = getPostgreSQLEventStore(url)
if (store.schema?.migrate !== undefined) await store.schema.migrate()
await load({
  callers: Number(callers),
  seconds: Number(seconds),
  one: (n, stream) =>
    store.appendToStream(stream, [{ type: "BenchHappened", data: payload(n), metadata: { actor: "bench" } }])
})
await store.close()
