import { assert, it } from "@effect/vitest"
import { makeLooks } from "./last-look.ts"

it("a usage is counted from a look that is neither too near nor too far away", () => {
  const { looked, before } = makeLooks()
  const times = (total: number) => ({ busy: 0, total })
  assert.isUndefined(before(0))
  looked(times(1), 1_000)
  assert.isUndefined(before(1_200))
  assert.deepStrictEqual(before(1_250), times(1))
  looked(times(2), 1_100) // too near to be of use later
  looked(times(3), 1_400)
  assert.deepStrictEqual(before(1_500), times(1))
  looked(times(4), 1_500)
  assert.deepStrictEqual(before(1_700), times(3))
  looked(times(5), 16_400)
  assert.deepStrictEqual(before(16_500), times(3))
  assert.deepStrictEqual(before(20_000), times(5))
  assert.isUndefined(before(40_000))
})
