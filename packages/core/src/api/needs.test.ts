import { assert, describe, it } from "@effect/vitest"
import { Context, Option } from "effect"
import { HttpApi } from "effect/http-api"
import { accountRoles, permissions } from "../account/permissions.ts"
import { Auth, Needs } from "./auth.ts"
import { HubApi } from "./contract.ts"

interface Endpoint {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly need: string | undefined
  readonly signedIn: boolean
}

const endpoints = (): ReadonlyArray<Endpoint> => {
  const found: Array<Endpoint> = []
  HttpApi.reflect(HubApi, {
    onGroup: () => {},
    onEndpoint: ({ group, endpoint, middleware }) => {
      const { annotations, identifier, method, path } = endpoint
      found.push({
        name: `${group.identifier}.${identifier}`,
        method,
        path,
        need: Option.getOrUndefined(Context.getOption(annotations, Needs)),
        signedIn: [...middleware].some((one) => one.key === Auth.key)
      })
    }
  })
  return found
}

describe("every endpoint of the API", () => {
  it("says what it needs, and the ones that are open are these", () => {
    const all = endpoints()
    assert.isAbove(all.length, 50)
    for (const { name, need, signedIn } of all) {
      assert.isDefined(need, `${name} declares no permission: annotate it with Needs`)
      assert.strictEqual(signedIn, need !== "anyone", `${name} needs ${need}`)
      if (need !== "anyone") assert.property(permissions, need ?? "", name)
    }
    assert.sameMembers(
      all.filter((one) => one.need === "anyone").map((one) => one.path),
      [
        "/health",
        "/ready",
        "/api/v1/sign-in",
        // agents show a key of their own
        "/api/v1/agents/enroll",
        "/api/v1/agents/challenge",
        "/api/v1/agents/session"
      ]
    )
  })

  it("that changes something is not for viewers, and one that does not is", () => {
    for (const { name, method, need } of endpoints()) {
      if (need === "anyone") continue
      const role = Object.entries(permissions).find(([permission]) => permission === need)?.[1].role ?? "none"
      assert.include(accountRoles, role)
      assert.strictEqual(role === "viewer", method === "GET", `${method} of ${name} is for ${role}`)
    }
  })

  it("that manages hosts, tools, settings and accounts is for admins", () => {
    const admin = endpoints()
      .filter(({ need }) => Object.entries(permissions).some(([name, one]) => name === need && one.role === "admin"))
      .map(({ name }) => name)
    assert.includeMembers(
      [...admin],
      [
        "hosts.add",
        "hosts.edit",
        "hosts.remove",
        "hosts.acceptKey",
        "tools.define",
        "tools.remove",
        "models.use",
        "log.retryParked",
        "accounts.add",
        "accounts.changeRole",
        "accounts.changePassword",
        "accounts.remove",
        "accounts.issueToken",
        "accounts.revokeToken"
      ]
    )
  })
})
