/**
 * Who may do what: the one table of roles and permissions.
 *
 * Owns: roles, permissions, and the judgment with its sentence. Does not own: who is calling (hub's `edge/auth.ts`), what each route and
 * command needs (its annotation in the contract, its line in the bridge's table).
 * Invariants: pure; a role may everything that a lower one may; whoever has no role may nothing.
 */

/** From the least to the most. */
export const accountRoles = ["viewer", "operator", "approver", "admin"] as const
export type AccountRole = (typeof accountRoles)[number]

export const permissions = {
  read: { role: "viewer", what: "Seeing what there is" },
  task: { role: "operator", what: "Starting, steering and ending tasks" },
  chat: { role: "operator", what: "Talking to models" },
  instruct: { role: "operator", what: "Giving instructions" },
  approve: { role: "operator", what: "Approving plans of low and medium risk" },
  approveHigh: { role: "approver", what: "Approving plans of high and critical risk" },
  host: { role: "admin", what: "Managing hosts" },
  agent: { role: "admin", what: "Managing agents" },
  account: { role: "admin", what: "Managing accounts" },
  setting: { role: "admin", what: "Changing settings" },
  tool: { role: "admin", what: "Managing tools" },
  mend: { role: "admin", what: "Mending the read models" }
} as const satisfies Record<string, { readonly role: AccountRole; readonly what: string }>

export type Permission = keyof typeof permissions

export const reaches = (role: AccountRole, needed: AccountRole): boolean =>
  accountRoles.indexOf(role) >= accountRoles.indexOf(needed)

export const may = (role: AccountRole, permission: Permission): boolean => reaches(role, permissions[permission].role)

/** @returns why not, in one sentence that names the needed role; undefined when it may be */
export const refusalOf = (
  { name, role }: { readonly name: string; readonly role: AccountRole },
  permission: Permission
): string | undefined =>
  may(role, permission)
    ? undefined
    : `${permissions[permission].what} is for accounts with the role ${permissions[permission].role}; ${name} is ${role}.`
