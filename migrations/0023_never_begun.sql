-- What will never begin does not wait: steps of plans that were only shown, were refused or ran out.

create or replace view report.steps as
  select plan.id as plan_id, step.nth::int as step, target ->> 'host' as host, target ->> 'agentId' as agent_id,
    frozen ->> 'action' as action, frozen ->> 'risk' as risk,
    case
      when target ->> 'state' not in ('waiting', 'asking') or plan.view ->> 'status' in ('proposed', 'approved', 'running')
        then target ->> 'state'
      when plan.view ->> 'status' in ('previewed', 'rejected', 'expired') then 'never'
      else 'skipped' -- as report.plans counts it
    end as state,
    target ->> 'summary' as summary,
    (target ->> 'proven')::boolean as proven, target ->> 'commandId' as command_id, plan.view ->> 'by' as requested_by,
    (target ->> 'dispatchedAt')::timestamptz as dispatched_at,
    (target ->> 'acceptedAt')::timestamptz as accepted_at,
    (target ->> 'finishedAt')::timestamptz as finished_at,
    (target ->> 'tookMs')::numeric / 1000 as seconds,
    plan.created_at::timestamptz as created_at
  from read.plan as plan
  cross join lateral json_array_elements(plan.view -> 'plan' -> 'steps') with ordinality as step (frozen, nth)
  cross join lateral json_array_elements(plan.view -> 'steps' -> (step.nth::int - 1)) as target;
comment on column report.steps.state is 'waiting, asking, dispatched, accepted, succeeded, failed, rolled-back, refused, expired, unknown, skipped; never: its plan was only shown, rejected, or not approved in time';
