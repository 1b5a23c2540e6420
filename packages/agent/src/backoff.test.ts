import { assert, describe, it } from "@effect/vitest"
import { failuresAfter, stableMillis, waitMillis } from "./backoff.ts"
import { proxyFor } from "./proxy.ts"

describe("calling again", () => {
  it("waits anywhere below a bound that doubles up to a minute", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 6, 7, 1_000].map((failures) => waitMillis(failures, 1)),
      [2_000, 4_000, 8_000, 60_000, 60_000, 60_000]
    )
    assert.strictEqual(waitMillis(5, 0), 0)
    assert.strictEqual(waitMillis(5, 0.5), 16_000)
  })
  it("begins to count anew after a connection that held", () => {
    assert.strictEqual(failuresAfter(7, stableMillis), 1)
    assert.strictEqual(failuresAfter(7, stableMillis - 1), 8)
  })
})

describe("the proxy", () => {
  const hub = new URL("https://hub.example.com:49152")
  it("is the environment's, but for hubs on this machine and those that are excepted", () => {
    assert.strictEqual(proxyFor(hub, { HTTPS_PROXY: "http://proxy:3128" })?.host, "proxy:3128")
    assert.strictEqual(proxyFor(hub, { https_proxy: "https://u:p@proxy:3128" })?.username, "u")
    assert.isUndefined(proxyFor(hub, {}))
    assert.isUndefined(proxyFor(hub, { HTTPS_PROXY: "" }))
    assert.isUndefined(proxyFor(new URL("http://127.0.0.1:1"), { HTTPS_PROXY: "http://proxy:3128" }))
    for (const except of ["*", "hub.example.com", "example.com", ".example.com", "other, example.com"])
      assert.isUndefined(proxyFor(hub, { HTTPS_PROXY: "http://proxy:3128", NO_PROXY: except }), except)
    assert.isDefined(proxyFor(hub, { HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "ample.com,b.example.com" }))
  })
  it("that is no address is named", () => {
    for (const text of ["proxy:3128", "socks5://proxy:1080", "http://"])
      assert.throws(() => proxyFor(hub, { HTTPS_PROXY: text }), /HTTPS_PROXY is no http or https address/u)
  })
})
