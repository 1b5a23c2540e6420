/** The job that makes a host an agent, from its event. */
import { expect, it } from "vitest"
import { prepareReactor } from "./jobs.ts"

it("the job that makes a host an agent knows who asked for it: the invite and its end are that person's acts", () => {
  const jobs = prepareReactor.react({
    position: 7,
    stream: "host/web1",
    version: 2,
    type: "HostPrepareRequested",
    data: { url: "https://hub:1", fingerprint: "AA", script: "00", replace: false },
    at: "2026-11-21T19:00:00.000Z",
    actor: "ana",
    commandId: "5a1d3c1e-0000-4000-8000-000000000000",
    correlationId: "5a1d3c1e-0000-4000-8000-000000000000",
    causationId: null,
    hash: "00"
  })
  expect(jobs.map((job) => job.data)).toEqual([
    {
      name: "web1",
      position: 7,
      url: "https://hub:1",
      fingerprint: "AA",
      script: "00",
      replace: false,
      actor: "ana"
    }
  ])
})
