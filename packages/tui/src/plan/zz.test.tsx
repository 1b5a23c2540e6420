import { it } from "vitest"
import { Screen as View } from "../Screen.tsx"
import { noon } from "../testing/fixture.ts"
import { fleet, planId, TestPlans } from "../testing/plans.ts"
import { open } from "../testing/screen.ts"
import { world } from "../testing/world.ts"
it("prints", async () => {
  const w = world((log) => { const plans = new TestPlans(log, fleet(noon)); plans.give(planId(1), "show cpu usage on all servers", noon - 50_000); plans.give(planId(2), "restart nginx on all web servers", noon - 20_000); plans.give(planId(3), "reboot web1", noon - 10_000); plans.give(planId(4), "make it nice", noon - 5_000) }, { initial: { view: "plans" } })
  const s = await open(<View session={w.session} attach={() => Promise.resolve()} />, 80, 24)
  const p = async (k: string) => { await s.press(k); w.store.ticker.flush(); await s.settled(); console.log(k + "\n" + s.lines().map((l) => "|" + l).join("\n")) }
  w.store.ticker.flush(); await s.settled()
  console.log(s.lines().map((l) => "|" + l).join("\n"))
  for (const k of ["j", "y", "enter", "y", "n", "escape"]) await p(k)
  await s.close(); w.session.stop()
})
